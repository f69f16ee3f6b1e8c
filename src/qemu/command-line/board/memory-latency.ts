import type { Domain } from '../../domain-xml/model/domain.ts'
import type { NumaCell } from '../../domain-xml/model/board/numa.ts'

const LEVELS = ['memory', 'first-level', 'second-level', 'third-level'] as const
const ASSOCIATIVITY = { none: 'none', direct: 'direct', full: 'complex' } as const
const POLICY = { none: 'none', writeback: 'write-back', writethrough: 'write-through' } as const

/** Whether the guest gets a table of how fast its memory is (ACPI's HMAT). */
export function describesLatency({ numa, interconnects }: Domain): boolean {
  return interconnects.length > 0 || numa.some(({ caches }) => caches.length > 0)
}

/**
 * The cell whose processors are nearest to a cell's memory: itself, else the one with the lowest latency or the highest bandwidth, else the first
 * with processors. As in libvirt (virDomainNumaGetNodeInitiator, 11.3).
 */
export function initiatorOption(cell: NumaCell, domain: Domain): string {
  if (!describesLatency(domain)) return ''
  const to = domain.interconnects.filter(({ target }) => target === cell.id)
  const [fastest] = to
    .filter(({ latency }) => latency !== undefined)
    .toSorted((a, b) => (a.latency ?? 0) - (b.latency ?? 0))
  const [widest] = to
    .filter(({ bandwidth }) => bandwidth !== undefined)
    .toSorted((a, b) => (b.bandwidth ?? 0) - (a.bandwidth ?? 0))
  const first = domain.numa.find(({ cpus }) => cpus.length > 0)?.id ?? 0
  const nearest = fastest?.initiator ?? widest?.initiator ?? first
  return `,initiator=${cell.cpus.length > 0 ? cell.id : nearest}`
}

/** `-numa hmat-lb` and, after all of them, `-numa hmat-cache`. */
export function latencyArguments({ numa, interconnects }: Domain): readonly string[] {
  const speeds = interconnects.map(({ initiator, target, cache, access, latency, bandwidth }) => {
    const what =
      latency === undefined
        ? `${access}-bandwidth,bandwidth=${(bandwidth ?? 0) / 1024}K`
        : `${access}-latency,latency=${latency}`
    const level = LEVELS[cache] ?? cache
    return `hmat-lb,initiator=${initiator},target=${target},hierarchy=${level},data-type=${what}`
  })
  const caches = numa.flatMap(({ id, caches: own }) =>
    own.map(({ sizeBytes, level, associativity, policy, lineBytes }) => {
      const kind = `associativity=${ASSOCIATIVITY[associativity]},policy=${POLICY[policy]}`
      return `hmat-cache,node-id=${id},size=${sizeBytes / 1024}K,level=${level},${kind},line=${lineBytes}`
    }),
  )
  return [...speeds, ...caches].flatMap((value) => ['-numa', value])
}
