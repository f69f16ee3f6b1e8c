import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TerminalScreen } from '../../scripts/pictures/terminal-screen.ts'
import { defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { type TerminalCommand, startInTerminal } from '../support/in-terminal.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { qemus } from '../support/qemus.ts'
import { snapshotOf } from '../support/snapshot.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'

const emulator = qemus()[0]?.emulator ?? ''
const SIZE = { columns: 100, rows: 30 }

/** The screen after all that a command has written so far. */
function screenOf({ written }: TerminalCommand): TerminalScreen {
  const screen = new TerminalScreen(SIZE.columns, SIZE.rows)
  screen.write(written())
  return screen
}

/** The process that a shell, or script(1), waits for. */
async function lastDescendant(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const [first] = children.split(' ').filter((one) => one !== '')
  return first === undefined ? pid : lastDescendant(Number(first))
}

async function until(
  command: TerminalCommand,
  isThere: (lines: readonly string[]) => boolean,
): Promise<readonly string[]> {
  for (let tries = 0; tries < 300; tries += 1) {
    const { lines } = screenOf(command)
    if (isThere(lines)) return lines
    await delay(100)
  }
  throw new Error(`It did not appear:\n${screenOf(command).lines.join('\n')}`)
}

test('top shows a save with its channels and memory, and leaves the screen as it was', async () => {
  await using linux = await startLinuxDomain({ emulator })
  const { stateDir, name } = linux
  const serial = { type: 'file', path: linux.dir.join('other') } as const
  await defineDomain(domainXml({ name: 'small', guest: 'tiny', emulator, serial }), { stateDir })
  await startDomain('small', { stateDir })
  try {
    using top = startInTerminal(stateDir, ['top'], SIZE)
    await until(top, (lines) => lines.some((line) => line.startsWith('▶ linux')))
    const save = startStasis(stateDir, [
      ...['save', name, linux.dir.join('image'), '--parallel-connections', '2'],
      ...['--max-bandwidth', '5M'],
    ])
    const lines = await until(
      top,
      (all) =>
        all.some((line) => /channel 2 .*[1-9].*\/s {2}█ /.test(line)) &&
        all.some((line) => line.startsWith('▶ linux') && line.endsWith('left')),
    )
    assert.ok(
      lines.some((line) => /^▶ linux +paused .* % {2}.* left$/.test(line)),
      lines.join('\n'),
    )
    assert.ok(lines.some((line) => line.startsWith('  small     running')))
    assert.ok(lines.some((line) => /^ {2}█ raw .* ░ on its way \d/.test(line)))
    assert.ok(lines.some((line) => /^ {2}[█▓·░]{96}$/.test(line) && /░/.test(line)))
    // k and j move the selection.
    top.type('j')
    await until(top, (all) => all.some((line) => line.startsWith('▶ small')))
    top.type('\u001b[A')
    await until(top, (all) => all.some((line) => line.startsWith('▶ linux')))
    assert.equal((await save.ended).exitCode, 0)
    await until(top, (all) => !all.some((line) => line.includes('channel 1')))
    const open = screenOf(top)
    assert.deepEqual([open.isAlternate, open.isCursorShown], [true, false])

    top.type('q')
    assert.equal((await top.ended).exitCode, 0)
    const left = screenOf(top)
    assert.deepEqual([left.isAlternate, left.isCursorShown], [false, true])
    assert.deepEqual(
      left.lines.filter((line) => line !== ''),
      [],
    )

    // However it ends, the screen is as before.
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
      using other = startInTerminal(stateDir, ['top'], { ...SIZE, env: { NO_COLOR: '1' } })
      await until(other, (all) => all.some((line) => line.startsWith('▶ linux')))
      process.kill(await lastDescendant(other.child.pid ?? 0), signal)
      const { written } = await other.ended
      assert.ok(
        written.trimEnd().endsWith('\u001b[?25h\u001b[?1049l'),
        JSON.stringify(written.slice(-80)),
      )
      // oxlint-disable-next-line eslint/no-control-regex
      assert.doesNotMatch(written, /\u001b\[3\dm/)
    }

    const before = await snapshotOf(stateDir)
    const once = await stasis(stateDir, 'top', '--once')
    assert.equal(once.exitCode, 0, once.stderr)
    assert.match(once.stdout, /^stasis top .*1 of 2 running/)
    assert.match(once.stdout, /^▶? *small +running/m)
    // oxlint-disable-next-line eslint/no-control-regex
    assert.doesNotMatch(once.stdout, /\u001b/)
    const narrow = await startInTerminal(stateDir, ['top'], { columns: 60 }).ended
    // oxlint-disable-next-line eslint/no-control-regex
    assert.doesNotMatch(narrow.written, /\u001b/)
    const json = await stasis(stateDir, 'top', '--json')
    const { domains } = JSON.parse(json.stdout) as { domains: { name: string; state: string }[] }
    assert.deepEqual(
      domains.map(({ name: one, state }) => [one, state]),
      [
        ['linux', 'shut off'],
        ['small', 'running'],
      ],
    )
    assert.deepEqual(await snapshotOf(stateDir), before, 'it writes nothing')
  } finally {
    await destroyDomain('small', { stateDir }).catch(() => undefined)
  }
})
