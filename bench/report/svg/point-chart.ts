import { axes } from './axes.ts'
import { svgDocument, tenth, text } from './document.ts'
import { freePlaces } from './free-places.ts'
import { colour } from './palette.ts'
import { linearScale, ratioScale } from './scale.ts'

/** Points with names; those of one group have one colour. */
export interface PointChart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly points: readonly {
    readonly name: string
    readonly group: string
    readonly x: number
    readonly y: number
  }[]
}

const WIDTH = 760
const AREA = { left: 60, right: WIDTH - 90, top: 56, bottom: 340 } as const

/** Draws the points, their names beside them, and the axes. */
export function pointChart({ title, xLabel, yLabel, points }: PointChart): string {
  const x = ratioScale(
    points.map((point) => point.x),
    AREA.left,
    AREA.right,
  )
  const y = linearScale(
    points.map((point) => point.y),
    AREA.bottom,
    AREA.top,
  )
  const groups = [...new Set(points.map(({ group }) => group))]
  const places = freePlaces(
    points.map((point) => ({ name: point.name, x: x.at(point.x), y: y.at(point.y) })),
  )
  return svgDocument({ width: WIDTH, height: AREA.bottom + 52, title }, [
    ...axes(AREA, { ...x, label: xLabel }, { ...y, label: yLabel }),
    ...points.map(
      (point) =>
        `<circle fill="${colour(groups.indexOf(point.group))}" r="4.5" cx="${tenth(x.at(point.x))}" cy="${tenth(y.at(point.y))}"/>`,
    ),
    ...places.map((place) => text(place.name, place.x, place.y)),
  ])
}
