import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helpItem, helpWidth, wrapText } from './help-layout.ts'

test('helpWidth() is what COLUMNS says where standard output is no terminal', (t) => {
  const before = process.env['COLUMNS']
  t.after(() => {
    if (before === undefined) delete process.env['COLUMNS']
    else process.env['COLUMNS'] = before
  })
  const isTTY = process.stdout.isTTY
  process.stdout.isTTY = false
  t.after(() => (process.stdout.isTTY = isTTY))
  for (const [columns, width] of [
    ['40', 40],
    ['132', 132],
    ['3', 20],
    ['many', 80],
    ['', 80],
  ] as const) {
    process.env['COLUMNS'] = columns
    assert.equal(helpWidth(), width, columns)
  }
})

test('helpItem() puts a description beside its term, or below it where the terminal is narrow', () => {
  const text = 'number of domains to save at the same time'
  assert.equal(
    helpItem('--n <n>', 8, text, 50),
    '  --n <n>   number of domains to save at the same\n            time',
  )
  assert.equal(
    helpItem('--n <n>', 8, text, 30),
    '  --n <n>\n      number of domains to\n      save at the same time',
  )
  assert.equal(helpItem('help', 8, '', 30), '  help')
})

test('wrapText() gives a longer word a line of its own', () => {
  assert.equal(wrapText('a /a/very/long/path b', 8), 'a\n/a/very/long/path\nb')
})
