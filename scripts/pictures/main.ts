// Draws docs/pictures/*.svg: real guests are saved in pseudo-terminals, and the screens of these become images. Run it by `npm run pictures`.
import { mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain, destroyDomain, listDomains, startDomain } from '../../src/index.ts'
import { domainXml } from '../../test/support/domain-xml.ts'
import { GuestConsole } from '../../test/support/guest-console.ts'
import { type TerminalCommand, startInTerminal } from '../../test/support/in-terminal.ts'
import { qemus } from '../../test/support/qemus.ts'
import { startStasis } from '../../test/support/stasis-command.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { screenSvg } from './screen-svg.ts'
import { TerminalScreen } from './terminal-screen.ts'

const GUESTS = [
  { name: 'web', memoryMib: 192, filledMib: 80 },
  { name: 'database', memoryMib: 256, filledMib: 112 },
] as const

/** Slow enough that a picture can be taken in the middle. */
const RATE = ['--max-bandwidth', '12M']
const PATIENCE_MS = 120_000

const folder = join(import.meta.dirname, '../../docs/pictures')
const emulator = qemus()[0]?.emulator ?? ''
const terminal = { prompt: '', env: { NO_COLOR: '', LC_ALL: 'C.UTF-8' } } as const

await using dir = await tempDir()
const stateDir = dir.join('state')
await mkdir(folder, { recursive: true })
try {
  await Promise.all(GUESTS.map(boot))
  await pictureOfSave()
  await startDomain('web', { stateDir })
  await pictureOfTop()
  await startDomain('database', { stateDir })
  await pictureOfHostSave()
} finally {
  for (const { name } of await listDomains({ stateDir }).catch(() => []))
    await destroyDomain(name, { stateDir }).catch(() => undefined)
}

async function boot({ name, memoryMib, filledMib }: (typeof GUESTS)[number]): Promise<void> {
  const serial = { type: 'unix', path: dir.join(`${name}.serial`) } as const
  const xml = domainXml({ name, guest: 'linux', emulator, serial, memoryMib })
  await defineDomain(xml, { stateDir })
  await startDomain(name, { stateDir })
  await using console = await GuestConsole.connect(serial.path)
  const slow = { timeoutMs: PATIENCE_MS }
  await console.waitForLine(/^TICK /, slow)
  await console.ask(`fill ${filledMib}`, /^FILLED/, slow)
}

async function pictureOfSave(): Promise<void> {
  const line = 'managedsave web --parallel-connections 2'
  const size = { columns: 90, rows: 6 }
  const prompt = `$ stasis ${line}`
  using save = startInTerminal(stateDir, [...line.split(' '), ...RATE], {
    ...terminal,
    ...size,
    prompt,
  })
  const screen = await until(save, size, (lines) => percentIn(lines, /^Saving/) >= 50)
  await write('progress-line', screen, 'The progress of a save')
  await ended(save)
}

async function pictureOfHostSave(): Promise<void> {
  const size = { columns: 90, rows: 8 }
  const prompt = '$ stasis host-save'
  using save = startInTerminal(stateDir, ['host-save', ...RATE], { ...terminal, ...size, prompt })
  const screen = await until(save, size, (lines) => percentIn(lines, /^Total/) >= 40)
  await write('host-save', screen, 'host-save saves every guest of a host')
  await ended(save)
}

async function pictureOfTop(): Promise<void> {
  const size = { columns: 100, rows: 24 }
  using top = startInTerminal(stateDir, ['top'], { ...terminal, ...size, prompt: '$ stasis top' })
  await until(top, size, (lines) => lines.some((line) => line.includes('stasis top')))
  const save = startStasis(stateDir, [
    'managedsave',
    'database',
    '--parallel-connections',
    '4',
    ...RATE,
  ])
  const screen = await until(top, size, (lines) => percentIn(lines, /database +paused/) >= 55)
  await write('top', screen, 'stasis top shows a save: channels, and a map of the memory')
  top.type('q')
  await ended(top)
  if ((await save.ended).exitCode !== 0) throw new Error('The save failed')
}

/** The percent of the line that matches, -1 if there is none. */
function percentIn(lines: readonly string[], pattern: RegExp): number {
  const line = lines.find((one) => pattern.test(one)) ?? ''
  return Number(
    /(\d+) % {2}/.exec(line.replace(/^.*?CPU/, '').replace(/\d+ % {5,}/, ''))?.[1] ?? -1,
  )
}

async function until(
  command: TerminalCommand,
  size: { readonly columns: number; readonly rows: number },
  isThere: (lines: readonly string[]) => boolean,
): Promise<TerminalScreen> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const screen = new TerminalScreen(size.columns, size.rows)
    screen.write(command.written())
    if (isThere(screen.lines)) return screen
    if (performance.now() > deadline)
      throw new Error(`It did not appear:\n${screen.lines.join('\n')}`)
    await delay(50)
  }
}

async function ended(command: TerminalCommand): Promise<void> {
  const { exitCode, written } = await command.ended
  if (exitCode !== 0) throw new Error(`It ended with ${exitCode}:\n${written}`)
}

/** The name of this host is nobody's business. */
async function write(name: string, { cells }: TerminalScreen, title: string): Promise<void> {
  const path = join(folder, `${name}.svg`)
  await writeFile(path, screenSvg(cells, title).replaceAll(`  ${hostname()}  `, '  host1  '))
  console.log(path)
}
