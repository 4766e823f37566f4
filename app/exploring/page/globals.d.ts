// Libraries that are loaded by a script element when a view first needs them.
interface Window { cytoscape: any; Plot: any; d3: any; }
