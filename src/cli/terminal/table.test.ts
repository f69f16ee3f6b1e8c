import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFacts, formatTable } from './table.ts'

test('formatTable() prints the same as virsh', () => {
  assert.equal(
    formatTable(
      ['Id', 'Name', 'State'],
      [
        ['1', 'web', 'running'],
        ['-', 'database', 'shut off'],
      ],
    ),
    [
      ' Id   Name       State',
      '---------------------------',
      ' 1    web        running',
      ' -    database   shut off',
    ].join('\n'),
  )
})

test('formatFacts() lines values up', () => {
  assert.equal(
    formatFacts([
      ['Id', '3'],
      ['Max memory', '1 KiB'],
    ]),
    'Id:             3\nMax memory:     1 KiB',
  )
})
