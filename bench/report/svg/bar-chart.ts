import { bar, limitLine, line, svgDocument, text } from './document.ts'
import { legend } from './legend.ts'
import { colour } from './palette.ts'
import { linearScale } from './scale.ts'

/** A bar of one part or several. */
export interface Bar {
  readonly label: string
  readonly parts: readonly { readonly name: string; readonly value: number }[]
}

/** Bars from the left, in groups with headings; each name of a part has a colour. */
export interface BarChart {
  readonly title: string
  readonly xLabel: string
  readonly groups: readonly { readonly heading: string; readonly bars: readonly Bar[] }[]
  /** Vertical dashed lines. */
  readonly limits: readonly { readonly name: string; readonly value: number }[]
}

const WIDTH = 760
const LEFT = 290
const RIGHT = WIDTH - 60
const TOP = 64
const BAR_LINE = 24

/** Draws the bars with their sums, the axis and a legend. */
export function barChart({ title, xLabel, groups, limits }: BarChart): string {
  const sum = ({ parts }: Bar): number => parts.reduce((total, { value }) => total + value, 0)
  const bars = groups.flatMap((group) => group.bars)
  const x = linearScale([...bars.map(sum), ...limits.map(({ value }) => value)], LEFT, RIGHT)
  const colours = [...new Set(bars.flatMap(({ parts }) => parts.map(({ name }) => name)))]
  const drawn: string[] = []
  let y = TOP
  for (const group of groups) {
    if (group.heading !== '') {
      drawn.push(text(group.heading, 16, y + 15, { weight: 'bold' }))
      y += BAR_LINE
    }
    for (const one of group.bars) {
      drawn.push(text(one.label, LEFT - 10, y + 15, { anchor: 'end' }))
      let from = 0
      for (const { name, value } of one.parts) {
        const width = x.at(value) - x.at(0)
        drawn.push(bar(colour(colours.indexOf(name)), x.at(from), y + 3, width, BAR_LINE - 8))
        from += value
      }
      drawn.push(text(short(from), x.at(from) + 6, y + 15, { muted: true }))
      y += BAR_LINE
    }
  }
  const bottom = y + 6
  const names = legend({ colours, limits: limits.map(({ name }) => name) }, bottom + 42, WIDTH)
  return svgDocument({ width: WIDTH, height: bottom + 42 + names.height, title }, [
    ...x.ticks.flatMap((tick) => [
      line('grid', x.at(tick), TOP - 14, x.at(tick), bottom),
      text(`${tick}`, x.at(tick), bottom + 16, { anchor: 'middle', muted: true }),
    ]),
    text(xLabel, (LEFT + RIGHT) / 2, bottom + 34, { anchor: 'middle', muted: true }),
    line('axis', LEFT, TOP - 14, LEFT, bottom),
    ...drawn,
    ...limits.map(({ value }, index) =>
      limitLine(index, x.at(value), TOP - 14, x.at(value), bottom),
    ),
    ...names.parts,
  ])
}

function short(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
