import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { appendEntry } from './append-entry.ts'
import { type JournalEntry, entryLine, parseEntry } from './entry.ts'
import { readJournal } from './read-journal.ts'

const ENTRY: JournalEntry = {
  act: 'save',
  time: '2026-11-28T22:00:00.000Z',
  durationMs: 120,
  outcome: 'completed',
  domain: 'web',
  image: '/backup/web.save',
  fileBytes: 4096,
  by: { pid: 7, uid: 0, sudoUser: 'anna' },
}

test('readJournal() reads what appendEntry() wrote, and reports lines that it cannot read', async () => {
  await using dir = await tempDir()
  const journal = dir.join('journal')
  await appendEntry(journal, ENTRY, { keepDays: 1 })
  await appendFile(`${journal}/journal.jsonl`, '{"act":"save","ti')
  await appendEntry(journal, { ...ENTRY, domain: 'db' }, { keepDays: 1 })
  const { entries, unreadable } = await readJournal(journal)
  assert.deepEqual(entries, [ENTRY, { ...ENTRY, domain: 'db' }])
  assert.deepEqual(unreadable, [{ path: `${journal}/journal.jsonl`, line: 2 }])
})

test('appendEntry() removes full files that are older than it keeps', async () => {
  await using dir = await tempDir()
  const [old, young] = ['journal-2026-01-01.jsonl', 'journal-2026-02-01.jsonl']
  await mkdir(dir.join('j'))
  for (const name of [old, young]) await writeFile(dir.join('j', name), `${entryLine(ENTRY)}\n`)
  const longAgo = new Date(Date.now() - 11 * 24 * 3600 * 1000)
  await utimes(dir.join('j', old), longAgo, longAgo)
  await appendEntry(dir.join('j'), { ...ENTRY, domain: 'db' }, { keepDays: 10 })
  assert.deepEqual((await readdir(dir.join('j'))).toSorted(), [young, 'journal.jsonl'])
  assert.equal((await readJournal(dir.join('j'))).entries.length, 2)
})

test('appendEntry() keeps at most sixteen files', async () => {
  await using dir = await tempDir()
  await mkdir(dir.join('j'))
  for (let day = 10; day < 30; day += 1)
    await writeFile(dir.join('j', `journal-2026-01-${day}.jsonl`), '')
  await appendEntry(dir.join('j'), ENTRY, { keepDays: 10 })
  const names = await readdir(dir.join('j'))
  assert.equal(names.length, 16)
  assert.ok(
    !names.includes('journal-2026-01-14.jsonl') && names.includes('journal-2026-01-15.jsonl'),
  )
})

test('appendEntry() writes nothing if nothing is kept', async () => {
  await using dir = await tempDir()
  await appendEntry(dir.join('j'), ENTRY, { keepDays: 0 })
  assert.deepEqual(await readdir(dir.path), [])
})

test('parseEntry() accepts what a later Stasis adds, and refuses other shapes', () => {
  const line = entryLine(ENTRY)
  assert.deepEqual(parseEntry(line.replace('"version":1', '"version":2,"colour":"red"')), {
    ...ENTRY,
    colour: 'red',
  })
  for (const wrong of ['', '[]', 'null', '{}', line.slice(0, -1), line.replace('"save"', '"eat"')])
    assert.equal(parseEntry(wrong), undefined, wrong)
  assert.equal(parseEntry(line.replace('4096', '"4096"')), undefined)
  assert.equal(parseEntry(line.replace('2026-11', 'soon')), undefined)
})
