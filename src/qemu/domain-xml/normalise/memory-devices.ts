import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole, wholeText } from '../access.ts'
import { invalid } from '../location.ts'
import { baseMemory } from '../model/board/memory.ts'
import { create, setDefault } from './edit.ts'
import { claim } from './disks.ts'
import type { NormaliseOptions } from './options.ts'

/** Places memory modules, and gives a new machine that has them the NUMA cell that QEMU needs for it (qemuDomainDefNumaAutoAdd, libvirt 11.3). */
export function fillMemoryDevices(
  root: Element,
  devices: Element,
  { existing }: NormaliseOptions,
): void {
  const most = child(root, 'maxMemory')
  const memories = children(devices, 'memory')
  if (most !== undefined && existing !== true) addCell(root, memories)
  const modules = memories.filter((one) => /^(nv)?dimm$/.test(attribute(one, 'model') ?? ''))
  const slots = most === undefined ? 0 : (whole(most, 'slots') ?? 0)
  const taken = new Map<string, Element>()
  for (const one of modules) {
    const slot = slotOf(one)
    if (slot !== undefined) claim(taken, String(slot), one, 'the memory slot')
  }
  for (const one of modules) {
    if (slotOf(one) !== undefined) continue
    let slot = 0
    while (taken.has(String(slot))) slot++
    taken.set(String(slot), one)
    const address = child(one, 'address')
    if (address === undefined) one.appendChild(create(one, 'address', { type: 'dimm', slot }))
    else address.setAttribute('slot', String(slot))
  }
  for (const [slot, one] of taken)
    if (Number(slot) >= slots)
      throw invalid(one, `the domain has ${slots} memory slots`, 'Raise <maxMemory slots="…">')
}

function slotOf(module: Element): number | undefined {
  return whole(child(module, 'address'), 'slot')
}

function addCell(root: Element, memories: readonly Element[]): void {
  const cpu = child(root, 'cpu')
  if (cpu === undefined || child(cpu, 'numa') !== undefined) return
  const vcpu = child(root, 'vcpu')
  const last = (vcpu === undefined ? 1 : wholeText(vcpu)) - 1
  const cell = create(root, 'cell', {
    id: 0,
    cpus: last === 0 ? '0' : `0-${last}`,
    memory: baseMemory(root) / 1024,
    unit: 'KiB',
  })
  cpu.appendChild(create(root, 'numa', {}, [cell]))
  for (const one of memories) {
    const target = child(one, 'target')
    if (target === undefined || attribute(one, 'model') === 'virtio-pmem') continue
    if (child(target, 'node') === undefined) {
      const size = child(target, 'size')
      target.insertBefore(create(root, 'node', {}, '0'), size?.nextSibling ?? null)
    }
  }
  setDefault(cell, 'id', 0)
}
