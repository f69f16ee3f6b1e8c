import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barChart } from '../../bench/report/svg/bar-chart.ts'
import { freePlaces } from '../../bench/report/svg/free-places.ts'
import { lineChart } from '../../bench/report/svg/line-chart.ts'
import { linearScale, ratioScale } from '../../bench/report/svg/scale.ts'

test('linearScale() ends at a round number above all values', () => {
  const scale = linearScale([0.3, 7.4], 0, 100)
  assert.deepEqual(scale.ticks, [0, 2, 4, 6, 8])
  assert.equal(scale.at(4), 50)
})

test('ratioScale() has ticks at 1, 2 and 5 around all values', () => {
  const scale = ratioScale([0.3, 7], 0, 100)
  assert.deepEqual(scale.ticks, [0.2, 0.5, 1, 2, 5, 10])
  assert.ok(Math.abs(scale.at(2) - scale.at(1) - (scale.at(10) - scale.at(5))) < 1e-9)
})

test('a line chart has its units, ticks, curves and limits, in colours for light and dark', () => {
  const svg = lineChart({
    ...{ title: 'Save', xLabel: 'GiB', yLabel: 'seconds', yScale: 'linear' },
    series: [{ name: 'a & b', points: [1, 2, 4].map((x) => ({ x, y: x })) }],
    limits: [{ name: 'the disk', points: [1, 4].map((x) => ({ x, y: x / 2 })) }],
  })
  for (const part of ['GiB', 'seconds', 'a &amp; b', 'the disk', 'prefers-color-scheme: dark'])
    assert.ok(svg.includes(part), part)
  assert.equal(svg.match(/<polyline/g)?.length, 2)
  assert.equal(svg.match(/<circle/g)?.length, 3)
})

test('a bar chart shows the sum of the parts of a bar', () => {
  const parts = [
    { name: 'start', value: 1 },
    { name: 'memory', value: 2.5 },
  ]
  const svg = barChart({
    ...{ title: 'Where the time goes', xLabel: 'seconds', limits: [] },
    groups: [{ heading: '', bars: [{ label: 'save', parts }] }],
  })
  assert.ok(svg.includes('>3.50</text>'))
  assert.ok(svg.includes('>start</text>') && svg.includes('>memory</text>'))
})

test('freePlaces() writes no name over another', () => {
  const places = freePlaces(['zstd 1', 'zstd 2', 'zstd 3'].map((name) => ({ name, x: 10, y: 50 })))
  const heights = places.map(({ y }) => y).toSorted((a, b) => a - b)
  assert.ok(
    (heights[1] ?? 0) - (heights[0] ?? 0) >= 12 && (heights[2] ?? 0) - (heights[1] ?? 0) >= 12,
  )
})
