/**
 * Writes docs/libvirt-interop.md from the last results of the tests with a real libvirt: `npm run test:libvirt`, then
 * `scripts/run scripts/write-interop.ts`.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type InteropResults, type Journey, readResults } from '../test/support/interop-results.ts'
import type { BedVersion } from '../test/support/libvirt-bed.ts'
import type { TravelFormat } from '../test/support/travelling-guest.ts'

const PATHS = [
  ['stasis', 'virsh'],
  ['virsh', 'stasis'],
  ['virsh', 'virsh'],
  ['stasis', 'stasis'],
] as const

const INTRODUCTION = `# Between libvirt and Stasis

This page shows what \`npm run test:libvirt\` found with the real libvirt, QEMU and tools of Debian. \`scripts/run scripts/write-interop.ts\` writes it from the results.

Each guest went four ways: saved by Stasis and restored by Stasis, saved by Stasis and restored by virsh, saved by virsh and restored by virsh, saved by virsh and restored by Stasis.
After each restore its counter had to continue without a gap and without a repetition, and the checksum of its memory had to be right. *tiny* is a boot sector that fills and sums
1 of its 16 MiB. *Linux* is a Debian kernel with 128 MiB that fills and sums 16 MiB. Both run under TCG. *yes* means both machines, q35 and pc.
`

const pages = [INTRODUCTION]
for (const version of ['9.0', '11.3'] as const)
  pages.push(section(version, await readResults(version)))
await writeFile(join(import.meta.dirname, '../docs/libvirt-interop.md'), pages.join('\n'))

function section(version: BedVersion, { versions, journeys, edited }: InteropResults): string {
  const qemu = /hypervisor: QEMU (?<version>\S+)/.exec(versions)?.groups?.['version'] ?? ''
  const lines = [`## libvirt ${version}, QEMU ${qemu}`, '']
  const heads = ['format', 'guest', ...PATHS.map(([from, to]) => `${from} → ${to}`)]
  lines.push(
    row([...heads, 'image by stasis', 'image by virsh']),
    row([...heads, '', ''].map(() => '-')),
  )
  for (const format of unique(journeys.map(nameOf))) {
    for (const guest of ['tiny', 'linux'] as const) {
      const these = journeys.filter((one) => nameOf(one) === format && one.guest === guest)
      if (these.length === 0) continue
      const cells = PATHS.map(([saver, restorer]) =>
        outcome(these.filter((one) => one.saver === saver && one.restorer === restorer)),
      )
      const sizes = (['stasis', 'virsh'] as const).map((saver) =>
        size(these.find((one) => one.saver === saver && one.machine === 'q35')),
      )
      lines.push(row([format, guest === 'tiny' ? 'tiny' : 'Linux', ...cells, ...sizes]))
    }
  }
  lines.push(
    '',
    'With another path for the log of the serial port, in which the guest then continued:',
    '',
  )
  lines.push(
    row(['format', 'saved by', 'XML changed by', 'restored by']),
    row(['-', '-', '-', '-']),
  )
  for (const { format, saver, editor, verb, restorer } of edited)
    lines.push(row([format, saver, `${editor} save-image-${verb}`, restorer]))
  return `${lines.join('\n')}\n`
}

function nameOf({ format, channels, bypassCache }: TravelFormat): string {
  const many =
    channels === undefined ? '' : `, ${channels} ${channels === 1 ? 'channel' : 'channels'}`
  return `${format}${many}${bypassCache === true ? ', bypass-cache' : ''}`
}

function outcome(these: readonly Journey[]): string {
  const machines = unique(these.map(({ machine }) => machine))
  return machines.length === 2 ? 'yes' : machines.length === 1 ? `yes (${machines.join()})` : 'no'
}

function size(journey: Journey | undefined): string {
  return journey === undefined ? '' : `${(journey.imageBytes / 1024 / 1024).toFixed(1)} MiB`
}

function unique<T>(all: readonly T[]): readonly T[] {
  return [...new Set(all)]
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
