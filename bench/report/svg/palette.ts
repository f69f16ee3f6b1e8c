/** Colours of curves and bars, told apart by people who see few colours (Okabe and Ito), and readable on light and dark ground. */
const SERIES = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#b8860b',
  '#56b4e9',
  '#7f7f7f',
] as const

/** The colour of the n-th series. */
export function colour(index: number): string {
  return SERIES[index % SERIES.length] ?? SERIES[0]
}

/** Classes that a picture uses: `ink` and `muted` for text, `grid` for lines, `limit` for the limits of the machine. */
export const STYLE = `
  .ground { fill: #ffffff } .ink { fill: #1f2328 } .muted { fill: #59636e }
  .grid { stroke: #d1d9e0 } .axis { stroke: #59636e } .limit { stroke: #59636e; fill: none }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .ink { fill: #f0f6fc } .muted { fill: #9198a1 }
    .grid { stroke: #3d444d } .axis { stroke: #9198a1 } .limit { stroke: #9198a1 }
  }`
