import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { screenSvg } from '../scripts/pictures/screen-svg.ts'
import { TerminalScreen } from '../scripts/pictures/terminal-screen.ts'
import { parseXml } from '../src/qemu/domain-xml/parse-xml.ts'

test('TerminalScreen shows what a terminal would: lines, redrawn lines, wide characters, styles', () => {
  const screen = new TerminalScreen(10, 4)
  screen.write('one\r\n仮想 x\r\n12 %')
  screen.write('\r\u001b[1A\u001b[Jnew\r\n\u001b[1;32mok\u001b[0m')
  assert.deepEqual(screen.lines, ['one', 'new', 'ok', ''])
  assert.deepEqual(screen.cells[2]?.[0], { text: 'o', style: { bold: true, colour: 2 } })
  screen.write('\r\nfour\r\nfive')
  assert.deepEqual(screen.lines, ['new', 'ok', 'four', 'five'])
})

test('TerminalScreen gets its main screen back, and refuses what it does not know', () => {
  const screen = new TerminalScreen(10, 2)
  screen.write('main\u001b[?1049h\u001b[?25l\u001b[Hother')
  assert.deepEqual(
    [screen.lines[0], screen.isAlternate, screen.isCursorShown],
    ['other', true, false],
  )
  screen.write('\u001b[?25')
  screen.write('h\u001b[?1049l')
  assert.deepEqual(
    [screen.lines[0], screen.isAlternate, screen.isCursorShown],
    ['main', false, true],
  )
  assert.throws(() => screen.write('\u001b[5n'), /Unknown control sequence/)
  assert.throws(() => screen.write('\u0007'), /Unknown control sequence/)
})

test('screenSvg() draws text and blocks at their places, and escapes', () => {
  const screen = new TerminalScreen(10, 4)
  screen.write('a<b\u001b[32m██\u001b[0m仮')
  const svg = screenSvg(screen.cells, 'A & B')
  assert.match(svg, /<title>A &amp; B<\/title>/)
  assert.match(svg, /<text x="14" [^>]*>a&lt;b<\/text>/)
  assert.match(svg, /<rect x="41" y="14" width="18" [^>]*fill="#98c379"/)
  assert.match(svg, /<text x="59" [^>]*textLength="18"[^>]*>仮/)
  parseXml(svg)
})

test('the pictures of the documents are there, and well-formed', async () => {
  for (const name of ['top', 'host-save', 'progress-line']) {
    const text = await readFile(join(import.meta.dirname, `../docs/pictures/${name}.svg`), 'utf8')
    assert.equal(parseXml(text).documentElement?.nodeName, 'svg')
  }
})
