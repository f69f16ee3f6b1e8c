import { existsSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { CounterLog } from './counter-log.ts'
import { domainXml } from './domain-xml.ts'
import { qemus } from './qemus.ts'
import { startStasis } from './stasis-command.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** Calls that fail in turn, each with errors that Linux gives for it. */
const FAULTS = [
  ['open', 'ENOSPC'],
  ['open', 'EMFILE'],
  ['read', 'EIO'],
  ['write', 'ENOSPC'],
  ['write', 'EIO'],
  ['fsync', 'EIO'],
  ['rename', 'EACCES'],
  ['unlink', 'EACCES'],
  ['truncate', 'EIO'],
  ['fallocate', 'ENOSPC'],
] as const

/** Documented exit codes of a command that could not do its work; 70 is a fault of Stasis. */
const REFUSALS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7])

/** An operation on the domain `tiny`, from the state that it needs. */
interface Operation {
  readonly name: string
  readonly from: 'running' | 'saved' | 'managed'
  readonly argv: (dir: TempDir) => readonly string[]
}

const OPERATIONS: readonly Operation[] = [
  ...['stasis', 'raw', 'zstd', 'channels'].map((format): Operation => ({
    name: `save --format ${format}`,
    from: 'running',
    argv: (dir) => ['save', 'tiny', dir.join('image'), '--format', format],
  })),
  { name: 'managedsave', from: 'running', argv: () => ['managedsave', 'tiny'] },
  ...['load', 'map', 'lazy'].map((mode): Operation => ({
    name: `restore --mode ${mode}`,
    from: 'saved',
    argv: (dir) => ['restore', dir.join('image'), '--mode', mode],
  })),
  { name: 'start (managed save)', from: 'managed', argv: () => ['start', 'tiny'] },
  {
    name: 'image-convert',
    from: 'saved',
    argv: (dir) => ['image-convert', dir.join('image'), dir.join('out'), '--format', 'zstd'],
  },
  {
    name: 'save-image-define',
    from: 'saved',
    argv: (dir) => ['save-image-define', dir.join('image'), dir.join('edited.xml')],
  },
  { name: 'define', from: 'saved', argv: (dir) => ['define', dir.join('tiny.xml')] },
]

/** The results of one operation. */
interface Row {
  tried: number
  survived: number
  refused: number
  wrong: number
  lost: number
}

/** Makes every call of an operation fail in turn and looks at the guest after each. */
async function tryOperation(
  operation: Operation,
  emulator: string,
  deadlineMs: number,
): Promise<Row> {
  const row: Row = { tried: 0, survived: 0, refused: 0, wrong: 0, lost: 0 }
  for (const [call, code] of FAULTS) {
    for (let nth = 1; performance.now() < deadlineMs; nth += 1) {
      await using bed = await makeBed(emulator, operation)
      const fault = `${call}:${code}:${nth}:${bed.dir.path}`
      const argv = operation.argv(bed.dir)
      const { exitCode, stderr } = await startStasis(bed.stateDir, argv, { STASIS_FAULT: fault })
        .ended
      if (!stderr.includes('planned fault')) break
      row.tried += 1
      if (exitCode === 0) row.survived += 1
      else if (REFUSALS.has(exitCode)) row.refused += 1
      else row.wrong += 1
      const loss = await bed.loss()
      if (loss !== undefined) row.lost += 1
      if (loss !== undefined || (exitCode !== 0 && !REFUSALS.has(exitCode)))
        console.log(`${operation.name}: ${fault}: exit code ${exitCode}: ${loss ?? ''} ${stderr}`)
    }
  }
  return row
}

interface Bed extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  /** What was lost: the guest must go on counting, in its QEMU or from what was saved, without a gap. */
  readonly loss: () => Promise<string | undefined>
}

async function makeBed(emulator: string, { from }: Operation): Promise<Bed> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const run = (...argv: readonly string[]) => startStasis(stateDir, argv).ended
  const must = async (...argv: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(...argv)
    if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  const log = new CounterLog(serial.path)
  await writeFile(
    dir.join('tiny.xml'),
    domainXml({ name: 'tiny', guest: 'tiny', emulator, serial }),
  )
  await must('define', dir.join('tiny.xml'))
  await must('start', 'tiny')
  await log.advance(1)
  if (from === 'saved') {
    // Uncompressed, so that it can be mapped.
    const argv = ['--parallel-compression', 'none']
    await must('save', 'tiny', dir.join('image'), ...argv)
    const xml = await must('save-image-dumpxml', dir.join('image'))
    const edited = xml.replace('</name>', '</name><description>edited</description>')
    await writeFile(dir.join('edited.xml'), edited)
  }
  if (from === 'managed') await must('managedsave', 'tiny')
  return {
    dir,
    stateDir,
    loss: async () => {
      const state = (await run('domstate', 'tiny')).stdout.trim()
      if (state === 'paused') await run('resume', 'tiny')
      else if (state !== 'running') {
        const image = ['image', 'out']
          .map((name) => dir.join(name))
          .find((path) => existsSync(path))
        const hasManaged = (await run('list', '--all', '--managed-save')).stdout.includes('saved')
        const back =
          image !== undefined && !hasManaged
            ? await run('restore', image, '--mode', 'load', '--running')
            : await run('start', 'tiny')
        if (back.exitCode !== 0) return `the guest cannot go on: ${back.stderr}`
      }
      try {
        await log.advance(2)
        await log.assertUnbroken()
      } catch (error) {
        return `the guest does not go on as it was: ${String(error)}`
      }
      const left = (await readdir(dir.path)).filter((name) => name.startsWith('.'))
      return left.length === 0 ? undefined : `left behind: ${left.join(' ')}`
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await run('destroy', 'tiny')
      await rm(dir.path, { recursive: true, force: true })
    },
  }
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '36000' },
    qemu: { type: 'string', default: '' },
  },
})
const deadlineMs = performance.now() + Number(values.seconds) * 1000
let bad = 0
for (const { label, emulator } of qemus().filter((one) => one.label.startsWith(values.qemu))) {
  console.log(`QEMU ${label}`)
  console.log('operation                 tried  survived  refused  wrong  lost')
  for (const operation of OPERATIONS.filter(({ name }) => name.includes(values.only))) {
    const { tried, survived, refused, wrong, lost } = await tryOperation(
      operation,
      emulator,
      deadlineMs,
    )
    bad += wrong + lost
    const numbers = [tried, survived, refused, wrong, lost].map((count) =>
      String(count).padStart(7),
    )
    console.log(`${operation.name.padEnd(24)}${numbers.join('  ')}`)
  }
}
process.exitCode = bad === 0 ? 0 : 1
