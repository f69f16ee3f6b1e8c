import { axes } from './axes.ts'
import { limitAttribute, svgDocument, tenth } from './document.ts'
import { legend } from './legend.ts'
import { colour } from './palette.ts'
import { doublingScale, linearScale, ratioScale } from './scale.ts'

/** A curve. */
export interface Series {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

/** Curves over values that double. */
export interface LineChart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** `ratio`: equal heights for equal ratios, so that what grows in proportion is a straight line. */
  readonly yScale: 'linear' | 'ratio'
  readonly series: readonly Series[]
  /** Dashed curves. */
  readonly limits: readonly Series[]
}

const WIDTH = 760
const AREA = { left: 60, right: WIDTH - 24, top: 56, bottom: 340 } as const

/** Draws the curves, their axes and a legend. */
export function lineChart({ title, xLabel, yLabel, yScale, series, limits }: LineChart): string {
  const all = [...series, ...limits].flatMap(({ points }) => points)
  const x = doublingScale(
    all.map((point) => point.x),
    AREA.left + 12,
    AREA.right - 12,
  )
  const y = (yScale === 'linear' ? linearScale : ratioScale)(
    all.map((point) => point.y),
    AREA.bottom,
    AREA.top,
  )
  const path = ({ points }: Series): string =>
    points
      .toSorted((a, b) => a.x - b.x)
      .map((point) => `${tenth(x.at(point.x))},${tenth(y.at(point.y))}`)
      .join(' ')
  const names = legend(
    { colours: series.map(({ name }) => name), limits: limits.map(({ name }) => name) },
    AREA.bottom + 44,
    WIDTH,
  )
  return svgDocument({ width: WIDTH, height: AREA.bottom + 44 + names.height, title }, [
    ...axes(AREA, { ...x, label: xLabel }, { ...y, label: yLabel }),
    ...limits.map((one, index) => `<polyline ${limitAttribute(index)} points="${path(one)}"/>`),
    ...series.flatMap((one, index) => [
      `<polyline fill="none" stroke="${colour(index)}" stroke-width="2" points="${path(one)}"/>`,
      ...one.points.map(
        (point) =>
          `<circle fill="${colour(index)}" r="3.5" cx="${tenth(x.at(point.x))}" cy="${tenth(y.at(point.y))}"/>`,
      ),
    ]),
    ...names.parts,
  ])
}
