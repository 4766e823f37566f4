// Sets the theme that was chosen before anything is painted.
{
  const chosen = localStorage.getItem("linkspan-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
