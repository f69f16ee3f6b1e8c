import { StasisError } from '../../errors.ts'
import { aliasOf } from '../../qemu/domain-xml/live/aliases.ts'
import { residentBytes } from '../../qemu/host-facts.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { RunningEntry } from '../catalogue/running-entry.ts'
import { namedDevices } from '../status/devices.ts'

const KIB = 1024

/** The values of a balloon driver in a guest, under libvirt's names, and their places in QEMU (QEMU hw/virtio/virtio-balloon.c, `balloon_stat_names`). */
const REPORTED: readonly (readonly [name: string, qemu: string, unit: number])[] = [
  ['swap_in', 'stat-swap-in', KIB],
  ['swap_out', 'stat-swap-out', KIB],
  ['major_fault', 'stat-major-faults', 1],
  ['minor_fault', 'stat-minor-faults', 1],
  ['unused', 'stat-free-memory', KIB],
  ['available', 'stat-total-memory', KIB],
  ['usable', 'stat-available-memory', KIB],
  ['last_update', '', 1],
  ['disk_caches', 'stat-disk-caches', KIB],
  ['hugetlb_pgalloc', 'stat-htlb-pgalloc', 1],
  ['hugetlb_pgfail', 'stat-htlb-pgfail', 1],
]

/** The balloon of a running domain, whose XML is `xml`, under libvirt's names: memory in KiB, `last_update` in seconds since 1970, 0 for never. */
export async function balloonStatistics(
  monitor: QmpConnection,
  entry: RunningEntry,
  { xml, signal }: { readonly xml: string; readonly signal: AbortSignal | undefined },
): Promise<Readonly<Record<string, number>>> {
  const balloon = balloonOf(entry, xml)
  const [actual, reported, resident] = await Promise.all([
    monitor.execute('query-balloon', {}, { signal }).then((answer) => answer.actual, unlessRefused),
    balloon === undefined ? undefined : reportedBy(monitor, balloon, signal),
    residentBytes(entry.record.pid),
  ])
  return {
    ...(actual !== undefined && { actual: actual / KIB }),
    ...reported,
    ...(resident !== undefined && { rss: resident / KIB }),
  }
}

/** The name of its balloon in QEMU; `undefined` if it has none. */
function balloonOf({ record }: RunningEntry, xml: string): string | undefined {
  const [balloon] = record.attached === undefined ? namedDevices(xml, 'memballoon') : []
  return balloon === undefined || balloon.getAttribute('model') === 'none'
    ? undefined
    : aliasOf(balloon)
}

async function reportedBy(
  monitor: QmpConnection,
  balloon: string,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, number>> | undefined> {
  const place = { path: `/machine/peripheral/${balloon}`, property: 'guest-stats' }
  const answer = await monitor.execute('qom-get', place, { signal }).catch(unlessRefused)
  if (answer === undefined) return undefined
  const { stats = {}, 'last-update': lastUpdate = 0 } = answer as {
    readonly stats?: Readonly<Record<string, number | bigint>>
    readonly 'last-update'?: number
  }
  const known: Record<string, number> = {}
  for (const [name, qemu, unit] of REPORTED) {
    const value = qemu === '' ? lastUpdate : stats[qemu]
    // QEMU has 2^64 - 1 for values that the guest did not report.
    if (typeof value === 'number' && value >= 0) known[name] = Math.floor(value / unit)
  }
  return known
}

function unlessRefused(error: unknown): undefined {
  if (StasisError.is(error, 'QEMU_REFUSED')) return undefined
  throw error
}
