// Sets the theme that was chosen before anything is painted.
{
  try {
    const chosen = localStorage.getItem("linkspan-theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing takes the system's theme.
  }
}
