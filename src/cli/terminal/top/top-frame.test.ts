import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DomainActivity } from '../../../domain/status/activity.ts'
import { StorageError } from '../../../errors.ts'
import { displayWidth } from '../display-width.ts'
import { glyphsFor } from './glyphs.ts'
import { lineText } from './styled-line.ts'
import { type TopView, selectedIndex, topFrame } from './top-frame.ts'

const MIB = 2 ** 20
const PROCESS = { pid: 17, startTime: 1, bootId: 'b' }

const idle: DomainActivity = {
  ...{ name: 'idle', id: 5, state: 'running', managedSave: false },
  ...{ memoryBytes: 1024 * MIB, residentBytes: 300 * MIB, cpuTimeMs: 1000 },
  ...{ job: undefined, serving: undefined },
}

const measure = {
  ...{ percent: 43.7, ramBytes: 448 * MIB, ramTotalBytes: 1024 * MIB, transferredBytes: 0 },
  ...{ fileBytes: 0, rateBytesPerSecond: 200 * MIB, channelBytes: [100 * MIB, 50 * MIB] },
  ...{ elapsedMs: 2000, etaMs: 2600 },
  memory: {
    zeroBytes: 200 * MIB,
    compressedBytes: 200 * MIB,
    rawBytes: 48 * MIB,
    cells: 'zzccrr....',
  },
  lanes: [
    { zeroBytes: 120 * MIB, compressedBytes: 100 * MIB, rawBytes: 24 * MIB },
    { zeroBytes: 80 * MIB, compressedBytes: 100 * MIB, rawBytes: 24 * MIB },
  ],
}

const saving: DomainActivity = {
  ...idle,
  name: '仮想機',
  state: 'paused',
  job: {
    ...{ operation: 'managedsave', id: 'j', process: PROCESS, startedAt: '' },
    ...{ elapsedMs: 2100, progress: { phase: 'transferring', ...measure } },
    transfer: { phase: 'transferring', ...measure },
  },
}

const filling: DomainActivity = {
  ...idle,
  name: 'web',
  serving: {
    ...{
      image: '/a.save',
      remainingBytes: 512 * MIB,
      totalBytes: 1024 * MIB,
      percent: 50,
      requests: 9,
    },
    ...{ state: 'filling', fault: undefined, server: 20, supervised: true },
  },
}

function view(domains: readonly DomainActivity[], more: Partial<TopView> = {}): TopView {
  return {
    ...{ host: 'dev1', clock: '22:31:05', activity: { time: '', domains }, selected: undefined },
    ...{
      cpuShares: new Map([['idle', 0.5]]),
      laneRates: new Map([['仮想機', [60 * MIB, 30 * MIB]]]),
    },
    ...more,
  }
}

function drawn(one: TopView, columns: number, rows: number, env = {}): readonly string[] {
  const traits = { attributes: false, colours: false }
  const lines = topFrame(one, { columns, rows }, glyphsFor(env))
  return lines.map((line) => lineText(line, columns, traits).trimEnd())
}

test('topFrame() shows guests, the channels of a save, and a map of its memory', () => {
  assert.deepEqual(drawn(view([idle, filling, saving]), 120, 24), [
    'stasis top  dev1  22:31:05  3 of 3 running, 1 being saved                                            j k select  q quit',
    '',
    '  Guest     State         Memory      On host     CPU',
    '  idle      running       1.0 GiB     300 MiB     50 %',
    '▶ web       running       1.0 GiB     300 MiB     -       filling 50 %',
    '  仮想機    paused        1.0 GiB     300 MiB     -       43 %  448 MiB of 1.0 GiB  200 MiB/s  3 s left',
    '',
    'web: its memory is loaded from /a.save',
    '  ████████████░░░░░░░░░░░░  50 %  512 MiB left, the guest waited for 9 pages, page server 20, supervised',
  ])
  const panel = drawn(view([idle, saving], { selected: '仮想機' }), 100, 24).slice(6)
  assert.deepEqual(panel, [
    '仮想機: managedsave by process 17, 2.10 s',
    '  ██████████░░░░░░░░░░░░░░  43 %  448 MiB of 1.0 GiB  200 MiB/s  3 s left',
    '  channel 1  █████████████   100 MiB  60.0 MiB/s  █ 24.0 MiB ▓ 100 MiB · 120 MiB',
    '  channel 2  ███████░░░░░░  50.0 MiB  30.0 MiB/s  █ 24.0 MiB ▓ 100 MiB · 80.0 MiB',
    '',
    '  █ raw 48.0 MiB ▓ compressed 200 MiB · zero 200 MiB ░ on its way 576 MiB',
    '  ··▓▓██░░░░',
  ])
})

test('topFrame() fits any terminal from 80 columns and 10 rows', () => {
  const many = Array.from({ length: 40 }, (_, at) => ({ ...idle, name: `guest-${at}` }))
  const channelBytes = Array.from({ length: 64 }, (_, at) => at * MIB)
  const wide = { phase: 'transferring' as const, ...measure, channelBytes, lanes: [] }
  const busy = { ...saving, job: saving.job && { ...saving.job, progress: wide, transfer: wide } }
  for (const [columns, rows] of [
    [80, 10],
    [80, 24],
    [132, 50],
    [300, 100],
  ] as const) {
    const lines = drawn(view([...many, busy], { selected: busy.name }), columns, rows)
    assert.ok(lines.length <= rows)
    for (const line of lines) assert.ok(displayWidth(line) <= columns, line)
    assert.ok(
      lines.some((line) => line.startsWith('▶ 仮想機')),
      'the selected guest is shown',
    )
  }
})

test('topFrame() loses no word of channels and memory at 80 columns', () => {
  const lines = drawn(view([idle, saving], { selected: '仮想機' }), 80, 24)
  assert.ok(lines.some((line) => /channel 2 .* ▓ 100 MiB · 80.0 MiB$/.test(line)))
  assert.ok(lines.some((line) => /█ raw .* on its way 576 MiB$/.test(line)))
})

test('topFrame() shows lost memory, and domains that cannot be read', () => {
  const fault = new StorageError('STATE_UNREADABLE', 'process.json cannot be read')
  const lost = {
    ...filling,
    serving: filling.serving && { ...filling.serving, state: 'lost' as const },
  }
  const broken = { ...idle, name: 'x', state: 'unknown' as const, fault }
  const lines = drawn(view([lost, broken], { selected: 'web' }), 120, 24)
  assert.match(lines[3] ?? '', /memory lost$/)
  assert.match(lines[4] ?? '', /STATE_UNREADABLE$/)
  assert.match(lines.at(-1) ?? '', /memory lost: nothing sends it any more/)
  assert.match(drawn(view([broken]), 80, 24).at(-1) ?? '', /process\.json cannot be read/)
  assert.equal(drawn(view([]), 80, 24).at(-1), 'There is no domain.')
})

test('topFrame() uses ASCII where the locale has nothing else', () => {
  const lines = drawn(view([saving]), 100, 24, { LC_ALL: 'C' })
  assert.ok(lines.some((line) => line.includes('##########--------------')))
  assert.ok(lines.includes('  ..ccRR----'))
})

test('selectedIndex() is the guest of that name, else the first busy one, else the first', () => {
  assert.equal(selectedIndex(view([idle, saving], { selected: 'idle' })), 0)
  assert.equal(selectedIndex(view([idle, saving], { selected: 'gone' })), 1)
  assert.equal(selectedIndex(view([idle])), 0)
})
