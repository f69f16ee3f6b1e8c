import type { Domain } from '../../domain-xml/model/domain.ts'
import type { MemoryDevice } from '../../domain-xml/model/board/memory-device.ts'
import { impossible } from './impossible-part.ts'

/** `refuseImpossible` for memory. @throws DomainXmlError `XML_INVALID` */
export function refuseImpossibleMemory(domain: Domain): void {
  refuseNuma(domain)
  refuseOverlaps(domain)
  refusePrivateMemory(domain)
}

function refuseNuma({ numa, numaTune }: Domain): void {
  const empty = [numaTune.all, ...numaTune.cells.values()].some((one) => one?.nodes.length === 0)
  if (empty) throw impossible('/domain/numatune', 'a "nodeset" contains no node')
  if (numaTune.cells.size > 0 && numa.length === 0)
    throw impossible('/domain/numatune/memnode', 'the domain has no NUMA cells: use <memory>')
  for (const cell of numa) {
    for (const sibling of cell.distances.keys()) {
      if (!numa.some(({ id }) => id === sibling)) {
        const place = `/domain/cpu/numa/cell[${cell.id + 1}]/distances`
        throw impossible(place, `the domain has no NUMA cell ${sibling}`)
      }
    }
  }
}

/** Memory devices that the XML places; QEMU finds places for the others. */
function refuseOverlaps({ memoryDevices }: Domain): void {
  const placed = memoryDevices
    .flatMap(({ baseAddress: start, place, ...one }) =>
      start === undefined ? [] : [{ start, end: start + BigInt(seenBytes(one)), place }],
    )
    .toSorted((a, b) => (a.start < b.start ? -1 : 1))
  placed.forEach(({ start, place }, at) => {
    const before = placed[at - 1]
    if (before !== undefined && start < before.end)
      throw impossible(
        `${place}/target/address`,
        `its memory overlaps with that of ${before.place}`,
      )
  })
}

/** The label of an NVDIMM is not in the memory that the guest sees, which ends at a multiple of its alignment (QEMU hw/mem/nvdimm.c). */
function seenBytes({
  sizeBytes,
  labelBytes = 0,
  alignBytes = 1,
}: Pick<MemoryDevice, 'sizeBytes' | 'labelBytes' | 'alignBytes'>): number {
  return Math.floor((sizeBytes - labelBytes) / alignBytes) * alignBytes
}

/** The other process would work with an old copy of the guest's writes. */
function refusePrivateMemory(domain: Domain): void {
  const { disks, sharedDirectories } = domain
  const user = [
    ...disks.filter(({ vhostUser }) => vhostUser !== undefined),
    ...sharedDirectories.filter(({ source }) => source.type === 'virtiofs'),
  ][0]
  if (user !== undefined && !sharesMemory(domain))
    throw impossible(
      user.place,
      'another process has its other half, and needs the memory of the guest: add <memoryBacking> with <source type="memfd"/> and <access mode="shared"/>',
    )
}

/** Whether another process can use the memory of the guest. */
export function sharesMemory({ memoryBacking: { access }, numa }: Domain): boolean {
  if (numa.length === 0) return access === 'shared'
  return numa.every((cell) => (cell.access ?? access) === 'shared')
}
