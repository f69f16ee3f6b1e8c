import assert from 'node:assert/strict'
import { test } from 'node:test'
import { displayWidth } from './display-width.ts'
import { type HostAct, hostLine, hostLines } from './host-lines.ts'

const GIB = 2 ** 30

const measure = {
  percent: 50,
  ramBytes: GIB,
  ramTotalBytes: 2 * GIB,
  transferredBytes: GIB,
  fileBytes: GIB,
  rateBytesPerSecond: 300 * 2 ** 20,
  channelBytes: [1, 1],
  elapsedMs: 2000,
  etaMs: 2000,
}

const act: HostAct = {
  done: 'saved',
  elapsedMs: 3000,
  guests: [
    { name: 'mail', memoryBytes: GIB, end: 'done' },
    { name: 'old', memoryBytes: 8 * GIB, end: 'left' },
    { name: 'web', memoryBytes: 2 * GIB, progress: { phase: 'transferring', ...measure } },
    { name: '仮想機', memoryBytes: GIB, progress: { phase: 'flushing', fileBytes: GIB } },
    { name: 'next', memoryBytes: GIB },
  ],
}

test('hostLines() has a line for each guest at work, padded by columns, and a total without those that stay', () => {
  assert.deepEqual(hostLines(act, { columns: 120, rows: 24 }), [
    'web     50 %  1.0 GiB of 2.0 GiB  300 MiB/s  channels 50/50 %  2 s left',
    '仮想機  Flushing 1.0 GiB to disk',
    'Total   60 %  3.0 GiB of 5.0 GiB  300 MiB/s  4 s left  1 of 5 saved',
  ])
})

test('hostLines() keeps percent and time left at 40 columns, and never fills the last column', () => {
  const name = '仮想機械の長い名前-database-server'
  const guests = [
    { name, memoryBytes: GIB, progress: { phase: 'transferring', ...measure } as const },
  ]
  for (const columns of [40, 60, 80, 200]) {
    const [guest = '', total = ''] = hostLines({ ...act, guests }, { columns, rows: 24 })
    for (const line of [guest, total]) {
      assert.match(line, /50 %.* s left/)
      assert.ok(displayWidth(line) < columns, line)
    }
  }
})

test('hostLines() fits the height of the terminal', () => {
  const progress = { phase: 'stopping' } as const
  const guests = Array.from({ length: 30 }, (_, at) => ({
    name: `g${at}`,
    memoryBytes: GIB,
    progress,
  }))
  const lines = hostLines({ ...act, guests }, { columns: 80, rows: 10 })
  assert.equal(lines.length, 9)
  assert.equal(lines[7], 'and 23 more')
})

test('hostLines() has no total of bytes while the memory of a guest is unknown', () => {
  const guests = [...act.guests, { name: 'x', memoryBytes: undefined }]
  assert.equal(
    hostLines({ ...act, guests }, { columns: 80, rows: 24 }).at(-1),
    'Total   1 of 6 saved',
  )
})

test('hostLine() is the same in one line', () => {
  assert.equal(
    hostLine(act),
    '60 %  3.0 GiB of 5.0 GiB  300 MiB/s  4 s left  1 of 5 saved  (web 50 %, 仮想機 flushing)',
  )
})
