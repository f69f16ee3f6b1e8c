import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { attribute, child } from '../../qemu/domain-xml/access.ts'
import { chipsetOf } from '../../qemu/domain-xml/chipset.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'

/** A range of guest-physical addresses; the end is exclusive. */
export interface AddressRange {
  readonly from: number
  readonly to: number
}

/** The guest-physical addresses of pages; empty where they are not known. */
export type AddressMap = (
  block: number,
  firstPage: number,
  pageCount: number,
) => readonly AddressRange[]

const GIB = 1024 ** 3

/** Where memory continues above the hole for devices. */
const ABOVE_HOLE = 4 * GIB

/** From here on QEMU may leave out more, for AMD processors (`x86_update_above_4g_mem_start`). */
const MOST_KNOWN = 512 * GIB

/**
 * Where a machine has its main memory. A PC has it below a hole that ends at 4 GiB, and above it. ARM's `virt` has it in one piece, from 1 GiB on.
 * Video memory and firmware are where the guest has put them.
 * Sources: QEMU 10.0 hw/i386/pc_q35.c `pc_q35_init` and hw/i386/pc_piix.c `pc_init1` (machine types from 2.0 on), hw/core/numa.c
 * `numa_init_memdev_container` (the memory of the nodes follows one another), hw/arm/virt.c `base_memmap`.
 */
export function addressMap(xml: string, blocks: readonly AnnouncedBlock[]): AddressMap {
  const starts = mainMemory(blocks)
  const total = blocks.reduce(
    (sum, { length }, block) => (starts.has(block) ? sum + length : sum),
    0,
  )
  const machine = machineType(xml)
  if (chipsetOf(machine) === 'virt') return oneBlock(starts)
  const below = lowMemory(xml, machine, total)
  return (block, firstPage, pageCount) => {
    const start = starts.get(block)
    if (start === undefined || below === undefined) return []
    const from = start + firstPage * PAGE_SIZE
    const to = from + pageCount * PAGE_SIZE
    const up = ABOVE_HOLE - below
    if (to <= below) return [{ from, to }]
    if (from >= below) return [{ from: from + up, to: to + up }]
    return [
      { from, to: below },
      { from: ABOVE_HOLE, to: to + up },
    ]
  }
}

/** Main memory without a hole. */
function oneBlock(starts: ReadonlyMap<number, number>): AddressMap {
  return (block, firstPage, pageCount) => {
    const start = starts.get(block)
    if (start === undefined) return []
    const from = GIB + start + firstPage * PAGE_SIZE
    return [{ from, to: from + pageCount * PAGE_SIZE }]
  }
}

/** Where each block of main memory begins in it. */
function mainMemory(blocks: readonly AnnouncedBlock[]): ReadonlyMap<number, number> {
  const whole = blocks.findIndex(({ name }) => name === 'pc.ram' || name === 'mach-virt.ram')
  if (whole >= 0) return new Map([[whole, 0]])
  const nodes = [...blocks.entries()]
    .flatMap(([block, { name, length }]) => {
      const node = /^ram-node(\d+)$/.exec(name)?.[1]
      return node === undefined ? [] : [{ block, length, node: Number(node) }]
    })
    .toSorted((a, b) => a.node - b.node)
  const starts = new Map<number, number>()
  let start = 0
  for (const { block, length } of nodes) {
    starts.set(block, start)
    start += length
  }
  return starts
}

/** How much of the memory is below the hole; `undefined` if that is not known. */
function lowMemory(xml: string, machine: string, total: number): number | undefined {
  if (xml.includes('max-ram-below-4g') || total > MOST_KNOWN) return undefined
  if (/^(pc-)?q35/.test(machine)) return total >= 0xb000_0000 ? 0x8000_0000 : total
  if (/^pc(-i440fx.*)?$/.test(machine)) return total >= 0xe000_0000 ? 0xc000_0000 : total
  return undefined
}

function machineType(xml: string): string {
  try {
    return attribute(child(child(parseDomainXml(xml).root, 'os'), 'type'), 'machine') ?? ''
  } catch {
    return ''
  }
}
