import { makeFaultBed } from './faults/bed.ts'
import { cutPowerIn } from './faults/cut-power.ts'
import { OPERATIONS } from './faults/operations.ts'
import { POWER_OPERATIONS } from './faults/power-operations.ts'
import { sourceLines } from './faults/places.ts'
import { runnerOptions } from './runner-options.ts'
import { Random } from './random.ts'
import { type Row, placesOf, tryFaults } from './faults/try-faults.ts'
import { qemus } from './qemus.ts'

const values = runnerOptions('test:faults', {
  only: { type: 'string', value: 'TEXT', default: '', help: 'operations whose name contains this' },
  seconds: { type: 'string', value: 'N', default: '360000', help: 'begin nothing after this time' },
  qemu: {
    type: 'string',
    value: 'VERSION',
    default: 'all',
    help: 'only QEMUs whose version begins so',
  },
  list: { type: 'boolean', default: false, help: 'print the places that can fail' },
  'one-each': { type: 'boolean', default: false, help: 'only the most usual error of each place' },
  once: {
    type: 'boolean',
    default: false,
    help: 'leave out a place that failed in another operation before',
  },
  lanes: { type: 'string', value: 'N', default: '1', help: 'operations at the same time' },
  seed: { type: 'string', value: 'N', default: '', help: 'the order of the faults' },
  power: { type: 'boolean', default: false, help: 'replay power cuts instead' },
})

const chosen = qemus().filter(({ label }) => values.qemu === 'all' || label.startsWith(values.qemu))
const operations = OPERATIONS.filter(({ name }) => name.includes(values.only))
const deadlineMs = performance.now() + Number(values.seconds) * 1000
const POWER_HEADINGS = ['changes', 'cuts', 'disks', 'used', 'lost'] as const
const HEADINGS = [
  'places',
  'failed',
  'elsewhere',
  'faults',
  'survived',
  'refused',
  'unreached',
  'lost',
] as const

if (values.power) await cutPower()
else if (values.list) await list()
else await run()

async function list(): Promise<void> {
  const [qemu] = chosen
  for (const operation of operations) {
    await using bed = await makeFaultBed(qemu?.emulator ?? '')
    await operation.prepare(bed)
    for (const { call, path, lines, count } of await placesOf(operation, bed))
      console.log(`${operation.name}: ${call} ${path} ×${count} at ${sourceLines(lines)}`)
  }
}

async function run(): Promise<void> {
  let lost = 0
  for (const [at, { label, major, emulator }] of chosen.entries()) {
    console.log(`QEMU ${label}`)
    console.log(
      `${'operation'.padEnd(22)}${HEADINGS.map((heading) => heading.padStart(10)).join('')}`,
    )
    const known = values.once ? new Set<string>() : undefined
    const rows: Row[] = []
    const queue = operations.filter(({ sinceQemu = 0 }) => major >= sinceQemu)
    const startMs = performance.now()
    const endMs = startMs + (deadlineMs - startMs) / (chosen.length - at)
    const lanes = Number(values.lanes)
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        for (let operation = queue.shift(); operation !== undefined; operation = queue.shift()) {
          // Each operation gets its share of the time that is left.
          const now = performance.now()
          const { name } = operation
          const rowOf = tryFaults(operation, emulator, {
            oneEach: values['one-each'],
            deadlineMs: now + ((endMs - now) * lanes) / (queue.length + lanes),
            choose: (trials) =>
              values.seed === '' ? trials : new Random(Number(values.seed)).shuffled(trials),
            known,
            report: (text) => console.log(text),
          })
          const row = await rowOf.catch((error: unknown) => {
            console.log(`${name}: not tried: ${(error as Error).message.trim()}`)
          })
          if (row === undefined) continue
          rows.push(row)
          print(name, row)
        }
      }),
    )
    const total = Object.fromEntries(
      HEADINGS.map((heading) => [heading, rows.reduce((sum, row) => sum + row[heading], 0)]),
    ) as unknown as Row
    print('all', total)
    console.log(
      `places that can fail: ${total.places}, made to fail: ${total.failed + total.elsewhere}, lost: ${total.lost}`,
    )
    lost += total.lost
  }
  process.exitCode = lost === 0 ? 0 : 1
}

/** Replays the changes of operations up to each moment, as power cuts leave them. */
async function cutPower(): Promise<void> {
  let lost = 0
  for (const [at, { label, major, emulator }] of chosen.entries()) {
    console.log(`QEMU ${label}, power cuts`)
    console.log(
      `${'operation'.padEnd(22)}${POWER_HEADINGS.map((heading) => heading.padStart(10)).join('')}`,
    )
    const possible = POWER_OPERATIONS.filter(
      ({ name, sinceQemu = 0 }) => name.includes(values.only) && major >= sinceQemu,
    )
    const startMs = performance.now()
    const endMs = startMs + (deadlineMs - startMs) / (chosen.length - at)
    for (const [done, operation] of possible.entries()) {
      const now = performance.now()
      const row = await cutPowerIn(operation, emulator, {
        seed: Number(values.seed),
        choices: 6,
        maxUsed: Number.POSITIVE_INFINITY,
        deadlineMs: now + (endMs - now) / (possible.length - done),
        report: (text) => console.log(text),
      })
      lost += row.lost
      console.log(
        `${operation.name.padEnd(22)}${POWER_HEADINGS.map((heading) => String(row[heading]).padStart(10)).join('')}`,
      )
    }
  }
  process.exitCode = lost === 0 ? 0 : 1
}

function print(name: string, row: Row): void {
  console.log(
    `${name.padEnd(22)}${HEADINGS.map((heading) => String(row[heading]).padStart(10)).join('')}`,
  )
}
