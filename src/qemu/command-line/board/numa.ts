import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import { numberRanges } from '../../domain-xml/values.ts'
import { initiatorOption, latencyArguments } from './memory-latency.ts'
import { memoryBackends, memoryObject } from './memory.ts'
import type { CommandLineOptions } from '../options.ts'

const LOCAL_DISTANCE = 10
const REMOTE_DISTANCE = 20

/**
 * The guest's NUMA cells, each with a memory backend of its own.
 *
 * @throws DomainXmlError `XML_INVALID` when a processor is in no cell or in two
 */
export function numaArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  checkCells(domain)
  if (domain.numa.length === 0) return []
  checkProcessors(domain)
  const backends = memoryBackends(domain)
  const cells = domain.numa.flatMap((cell) => {
    const backend = backends.find((one) => one.cell === cell && one.device === undefined)
    const cpus = numberRanges(cell.cpus).map((range) => `,cpus=${range}`)
    const memory = backend === undefined ? `mem=${inMib(cell.memoryBytes)}` : `memdev=${backend.id}`
    return [
      ...(backend === undefined ? [] : memoryObject(backend, domain, options)),
      '-numa',
      `node,nodeid=${cell.id}${cpus.join('')}${initiatorOption(cell, domain)},${memory}`,
    ]
  })
  return [...cells, ...distances(domain), ...latencyArguments(domain)]
}

/** If the XML has one distance, all must be given. */
function distances(domain: Domain): readonly string[] {
  const cells = domain.numa
  if (cells.every((cell) => cell.distances.size === 0)) return []
  return cells.flatMap((from) =>
    cells.flatMap((to) => {
      const usual = from === to ? LOCAL_DISTANCE : REMOTE_DISTANCE
      const distance = from.distances.get(to.id) ?? to.distances.get(from.id) ?? usual
      return ['-numa', `dist,src=${from.id},dst=${to.id},val=${distance}`]
    }),
  )
}

/** Huge pages, bindings and modules must be for cells that exist. */
function checkCells({ numa, memoryBacking, numaTune, memoryDevices }: Domain): void {
  const named: readonly (readonly [string, number])[] = [
    ...[...memoryBacking.cellPages.keys()].map(
      (cell) => ['/domain/memoryBacking/hugepages', cell] as const,
    ),
    ...[...numaTune.cells.keys()].map((cell) => ['/domain/numatune', cell] as const),
    ...memoryDevices.flatMap(({ place, cell }) =>
      cell === undefined ? [] : [[place, cell] as const],
    ),
  ]
  // Without cells, all memory is that of cell 0.
  const known = numa.length === 0 ? [0] : numa.map(({ id }) => id)
  for (const [place, cell] of named) {
    if (!known.includes(cell))
      throw new DomainXmlError('XML_INVALID', `${place}: the domain has no NUMA cell ${cell}`)
  }
}

function checkProcessors(domain: Domain): void {
  const seen = new Set<number>()
  for (const cpu of domain.numa.flatMap((cell) => cell.cpus)) {
    if (seen.has(cpu) || cpu >= domain.vcpus.max) {
      const what = seen.has(cpu) ? 'is in two cells' : 'does not exist'
      throw new DomainXmlError('XML_INVALID', `/domain/cpu/numa: the processor ${cpu} ${what}`)
    }
    seen.add(cpu)
  }
}

/** In MiB, QEMU's own unit here, as libvirt writes it; in KiB if the size is not a whole number of MiB. */
function inMib(bytes: number): string {
  return bytes % (1024 * 1024) === 0 ? String(bytes / 1024 / 1024) : `${bytes / 1024}K`
}
