import { DomainXmlError } from '../../../errors.ts'
import type { MemoryDevice } from '../../domain-xml/model/board/memory-device.ts'
import { device } from '../arguments.ts'
import { type MemoryBackend, memoryBackends, memoryObject } from './memory.ts'
import { atLeast, type CommandLineOptions } from '../options.ts'
import type { Wiring } from '../buses/wiring.ts'

/** Memory modules and devices, each with its backend. */
export function memoryDeviceArguments(
  wiring: Wiring,
  options: CommandLineOptions,
): readonly string[] {
  const { memoryDevices, maxMemory } = wiring.domain
  const [first] = memoryDevices
  if (first !== undefined && maxMemory === undefined) {
    throw new DomainXmlError(
      'XML_INVALID',
      `${first.place}: the domain needs <maxMemory>, which says how much memory it may have`,
    )
  }
  return memoryBackends(wiring.domain).flatMap((backend) =>
    backend.device === undefined ? [] : build(backend, backend.device, wiring, options),
  )
}

function build(
  backend: MemoryBackend,
  memory: MemoryDevice,
  wiring: Wiring,
  options: CommandLineOptions,
): readonly string[] {
  const { id: memdev } = backend
  const id = memdev.slice('mem'.length)
  const common = { memdev, id }
  const object = memoryObject(backend, wiring.domain, options)
  switch (memory.model) {
    case 'dimm':
    case 'nvdimm':
      return [
        ...object,
        ...device({
          driver: memory.model === 'dimm' ? 'pc-dimm' : 'nvdimm',
          node: memory.cell,
          'label-size': memory.labelBytes,
          uuid: memory.uuid,
          unarmed: memory.readonly ? true : undefined,
          ...common,
          slot: memory.slot,
          addr: memory.baseAddress,
        }),
      ]
    case 'virtio-mem': {
      const { hugepages, immediate } = wiring.domain.memoryBacking
      const eager = hugepages !== undefined || memory.pageBytes !== undefined || immediate
      return [
        ...object,
        ...device({
          driver: 'virtio-mem-pci',
          node: memory.cell,
          'block-size': memory.blockBytes,
          'requested-size': memory.requestedBytes,
          ...common,
          prealloc: eager && atLeast(options.qemuVersion, 7, 0) ? true : undefined,
          memaddr: memory.baseAddress,
          'dynamic-memslots': memory.dynamicSlots,
          ...wiring.address(memory),
        }),
      ]
    }
    case 'virtio-pmem':
      return [
        ...object,
        ...device({
          driver: 'virtio-pmem-pci',
          ...common,
          memaddr: memory.baseAddress,
          ...wiring.address(memory),
        }),
      ]
  }
}
