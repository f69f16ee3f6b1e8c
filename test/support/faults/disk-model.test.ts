import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DiskState,
  EVERYTHING,
  NOTHING_MORE,
  afterPowerCut,
  idOf,
  randomSurvivors,
} from './disk-model.ts'
import type { Change } from './journal.ts'
import { Random } from '../random.ts'

const start: DiskState = {
  names: new Map([
    ['/d', { kind: 'directory' }],
    ['/d/f', { kind: 'file', file: idOf(1) }],
  ]),
  files: new Map([[idOf(1), Buffer.from('old')]]),
}

function written(file: number, text: string): Change {
  return { act: 'write', file, at: 0, data: Buffer.from(text).toString('base64') }
}

function synced(file: number, directory?: string): readonly Change[] {
  const id = `${file}-${directory ?? ''}`
  return [
    { act: 'sync-begin', file, id, ...(directory !== undefined && { directory }) },
    { act: 'sync-end', id },
  ]
}

/** The text of a file after a power cut; `undefined` when it has no name. */
function textAt(disk: DiskState, path: string): string | undefined {
  const entry = disk.names.get(path)
  return entry?.kind === 'file' ? disk.files.get(entry.file)?.toString() : undefined
}

const replacing = (...changes: readonly Change[]): readonly Change[] => [
  { act: 'create', path: '/d/.f', file: 2 },
  written(2, 'new'),
  ...changes,
]
const rename: Change = { act: 'rename', path: '/d/.f', to: '/d/f' }

test('afterPowerCut() keeps what was synced and loses the rest', () => {
  const changes = [...replacing(...synced(2), rename), ...synced(9, '/d')]
  for (let count = 0; count < changes.length; count += 1)
    assert.equal(textAt(afterPowerCut(start, changes, count, NOTHING_MORE), '/d/f'), 'old')
  for (const survivors of [NOTHING_MORE, EVERYTHING])
    assert.equal(textAt(afterPowerCut(start, changes, changes.length, survivors), '/d/f'), 'new')
})

test('afterPowerCut() shows the empty file of a rename before its data', () => {
  const changes = replacing(rename, ...synced(9, '/d'))
  const disk = afterPowerCut(start, changes, changes.length, NOTHING_MORE)
  assert.equal(textAt(disk, '/d/f'), '')
})

test('afterPowerCut() does not count a write that came after the beginning of a sync', () => {
  const [begin, end] = synced(1) as [Change, Change]
  const disk = afterPowerCut(start, [begin, written(1, 'new'), end], 3, NOTHING_MORE)
  assert.equal(textAt(disk, '/d/f'), 'old')
})

test('afterPowerCut() exchanges names, and gives the inode of a removed file to a new one', () => {
  const changes: readonly Change[] = [
    ...replacing({ act: 'exchange', path: '/d/.f', to: '/d/f' }, { act: 'unlink', path: '/d/.f' }),
    { act: 'create', path: '/d/g', file: 1 },
  ]
  const disk = afterPowerCut(start, changes, changes.length, EVERYTHING)
  assert.equal(textAt(disk, '/d/f'), 'new')
  assert.equal(textAt(disk, '/d/.f'), undefined)
  assert.equal(textAt(disk, '/d/g'), '')
})

test('randomSurvivors() tears writes at sectors and keeps the order of names', () => {
  const changes = [written(1, 'x'.repeat(2048)), rename]
  const random = new Random(7)
  const found = new Set<number>()
  for (let round = 0; round < 100; round += 1) {
    const text = textAt(afterPowerCut(start, changes, 1, randomSurvivors(random)), '/d/f') ?? ''
    assert.ok(text === 'old' || text.length % 512 === 0, `${text.length}`)
    found.add(text.length)
  }
  assert.ok(found.size > 3, 'torn in different places')
})
