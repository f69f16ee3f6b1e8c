import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePrunable } from './choose-prunable.ts'
import type { ListedImage } from './list-images.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const NOW_MS = Date.parse('2026-06-30T00:00:00Z')

function image(path: string, daysOld: number, change: Partial<ListedImage> = {}): ListedImage {
  return {
    ...{ id: path, path, domain: 'web', uuid: 'u', restoredAt: undefined, format: 'stasis' },
    savedAt: new Date(NOW_MS - daysOld * DAY_MS).toISOString(),
    ...{ fileBytes: 1, allocatedBytes: 1, managed: false, state: 'restorable' },
    ...{ reason: undefined, uses: [] },
    ...change,
  }
}

function chosen(images: readonly ListedImage[], rule: Parameters<typeof choosePrunable>[1]) {
  return choosePrunable(images, rule, NOW_MS).chosen.map(({ path }) => path)
}

const THREE = [image('/1', 1), image('/20', 20), image('/40', 40)]

test('choosePrunable() chooses nothing without a rule', () => {
  assert.deepEqual(chosen(THREE, {}), [])
})

test('choosePrunable() chooses by age, by number, and only what both choose', () => {
  assert.deepEqual(chosen(THREE, { olderThanMs: 20 * DAY_MS }), ['/20', '/40'])
  assert.deepEqual(chosen(THREE, { keep: 1 }), ['/20', '/40'])
  assert.deepEqual(chosen(THREE, { keep: 0 }), ['/1', '/20', '/40'])
  assert.deepEqual(chosen(THREE, { keep: 2, olderThanMs: 10 * DAY_MS }), ['/40'])
})

test('choosePrunable() counts the newest images of each guest by itself', () => {
  const other = image('/other', 90, { uuid: 'v', domain: 'mail' })
  assert.deepEqual(chosen([...THREE, other], { keep: 1 }), ['/20', '/40'])
})

test('choosePrunable() never chooses what a guest needs, what is gone, or what cannot be read', () => {
  for (const change of [
    { uses: [{ domain: 'web', use: 'memory' as const }], state: 'in use' as const },
    { uses: [{ domain: 'web', use: 'state' as const }] },
    { uses: [{ domain: 'web', use: 'managed save' as const }], managed: true },
    { managed: true },
    { state: 'gone' as const },
    { state: 'unreadable' as const },
    { id: '' },
    { savedAt: undefined },
  ])
    assert.deepEqual(chosen([image('/x', 99, change)], { olderThanMs: DAY_MS }), [])
})

test('choosePrunable() chooses a managed save only by its path, and says why a named image stays', () => {
  const uses = [{ domain: 'web', use: 'managed save' as const }]
  const managed = image('/state/web.save', 1, { managed: true, uses })
  assert.deepEqual(chosen([managed, ...THREE], { files: ['/state/web.save'] }), ['/state/web.save'])
  const filling = { ...managed, uses: [...uses, { domain: 'web', use: 'memory' as const }] }
  const { chosen: none, kept } = choosePrunable([filling], { files: [managed.path] }, NOW_MS)
  assert.deepEqual(none, [])
  assert.match(kept[0]?.reason ?? '', /domain 'web' needs it \(memory\)/)
})
