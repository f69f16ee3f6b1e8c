import { line, text } from './document.ts'
import type { Scale } from './scale.ts'

/** The edges of the part of a picture that has the data. */
export interface PlotArea {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** Draws both axes with ticks, units and the lines across. */
export function axes(
  area: PlotArea,
  x: Scale & { readonly label: string },
  y: Scale & { readonly label: string },
): readonly string[] {
  const middle = (area.left + area.right) / 2
  return [
    text(y.label, area.left - 44, area.top - 12, { muted: true }),
    ...y.ticks.flatMap((tick) => [
      line('grid', area.left, y.at(tick), area.right, y.at(tick)),
      text(`${tick}`, area.left - 8, y.at(tick) + 4, { anchor: 'end', muted: true }),
    ]),
    ...x.ticks.flatMap((tick) => [
      line('grid', x.at(tick), area.top, x.at(tick), area.bottom),
      text(`${tick}`, x.at(tick), area.bottom + 18, { anchor: 'middle', muted: true }),
    ]),
    line('axis', area.left, area.bottom, area.right, area.bottom),
    text(x.label, middle, area.bottom + 36, { anchor: 'middle', muted: true }),
  ]
}
