import { SEED, runnerOptions } from '../runner-options.ts'
import { qemus } from '../qemus.ts'
import { type Round, soak } from './soak.ts'

const values = runnerOptions('soak', {
  rounds: { type: 'string', value: 'N', help: 'rounds on each QEMU', default: '100' },
  qemu: {
    type: 'string',
    value: 'VERSION',
    help: 'only QEMUs whose version begins so',
    default: 'all',
  },
  seed: SEED,
  seconds: { type: 'string', value: 'N', help: 'begin nothing after this time' },
})

const asked = qemus().filter(({ label }) => values.qemu === 'all' || label.startsWith(values.qemu))
if (asked.length === 0) throw new Error(`There is no QEMU ${values.qemu}`)
for (const qemu of asked) {
  console.log(`QEMU ${qemu.label}: ${values.rounds} rounds, seed ${values.seed}`)
  console.log(
    line([
      'round',
      'save and restore',
      'used',
      'save',
      'restore',
      'fds',
      'QEMU fds',
      'MiB',
      'QEMU MiB',
      'processes',
      'files',
    ]),
  )
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  const { rounds, diskTurns } = await soak(qemu, {
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    seconds,
    onRound: (round) => console.log(rowOf(round)),
  })
  console.log(
    `QEMU ${qemu.label}: ${rounds.length} rounds, 0 lost, nothing grew; the guest wrote ${diskTurns} files, its file system is clean`,
  )
}

function rowOf({ number, turn, mode, saveMs, restoreMs, footprint }: Round): string {
  const { ownDescriptors, qemuDescriptors, ownBytes, qemuBytes, processes, files } = footprint
  const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)
  const ms = (time: number): string => `${Math.round(time)} ms`
  const figures = [
    ownDescriptors,
    qemuDescriptors,
    mib(ownBytes),
    mib(qemuBytes),
    processes,
    files.length,
  ]
  return line([String(number), turn.name, mode, ms(saveMs), ms(restoreMs), ...figures.map(String)])
}

function line(cells: readonly string[]): string {
  const widths = [5, 30, 4, 8, 8, 4, 8, 5, 8, 9, 5]
  return cells
    .map((cell, index) =>
      index === 1 || index === 2
        ? cell.padEnd(widths[index] ?? 0)
        : cell.padStart(widths[index] ?? 0),
    )
    .join('  ')
}
