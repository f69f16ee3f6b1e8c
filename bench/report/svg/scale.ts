/** Values on an axis, and where a value is. */
export interface Scale {
  readonly ticks: readonly number[]
  readonly at: (value: number) => number
}

/** From 0 to a round number above all values, mapped on a range of coordinates. */
export function linearScale(values: readonly number[], from: number, to: number): Scale {
  const most = Math.max(...values)
  const power = 10 ** Math.floor(Math.log10(most / 4))
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => most / one <= 6) ?? most
  const count = Math.ceil(most / step - 1e-9)
  const ticks = Array.from({ length: count + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  )
  return { ticks, at: (value) => from + (value / (count * step)) * (to - from) }
}

/** Equal distances for equal ratios, with a tick at 1, 2 and 5 of each power of ten. */
export function ratioScale(values: readonly number[], from: number, to: number): Scale {
  const all = Array.from({ length: 36 }, (_, index) =>
    Number((([1, 2, 5][index % 3] ?? 1) * 10 ** (Math.floor(index / 3) - 4)).toPrecision(1)),
  )
  const below = all.findLast((tick) => tick <= Math.min(...values)) ?? 1
  const above = all.find((tick) => tick >= Math.max(...values)) ?? 1
  const ticks = all.filter((tick) => tick >= below && tick <= above)
  return { ticks, at: between(below, above, from, to) }
}

/** The values themselves are the ticks, such as 1, 2, 4; equal distances for equal ratios. */
export function doublingScale(values: readonly number[], from: number, to: number): Scale {
  const ticks = [...new Set(values)].toSorted((a, b) => a - b)
  return { ticks, at: between(ticks[0] ?? 1, ticks.at(-1) ?? 1, from, to) }
}

function between(least: number, most: number, from: number, to: number): (value: number) => number {
  const whole = Math.log(most / least)
  return (value) => (whole === 0 ? from : from + (Math.log(value / least) / whole) * (to - from))
}
