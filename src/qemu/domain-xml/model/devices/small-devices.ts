import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, text, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { type CharacterBackend, readBackend } from '../characters/character.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'

/** A random number device. */
export interface Rng extends Device {
  readonly kind: 'random' | 'builtin' | 'egd'
  readonly file: string
  /** The daemon that gives the numbers; of `egd` only. */
  readonly backend: CharacterBackend | undefined
  readonly rate: { readonly bytes: number; readonly periodMs: number } | undefined
  readonly virtio: VirtioOptions
}

/** The memory balloon; there is at most one. */
export interface Balloon extends Device {
  readonly autodeflate: boolean | undefined
  readonly freePageReporting: boolean | undefined
  readonly virtio: VirtioOptions
}

export interface Watchdog extends Device {
  readonly model: 'itco' | 'i6300esb' | 'ib700'
  readonly action: string
}

export interface Panic extends Device {
  readonly model: 'isa' | 'pvpanic' | 'hyperv'
}

/** Reads an `<rng>`. */
export function readRng(element: Element): Rng {
  const backend = child(element, 'backend')
  const bytes = whole(child(element, 'rate'), 'bytes')
  const kind = (attribute(backend, 'model') ?? 'random') as Rng['kind']
  const file = backend === undefined || kind === 'egd' ? '' : text(backend).trim()
  return {
    ...readDevice(element),
    kind,
    backend: backend === undefined || kind !== 'egd' ? undefined : readBackend(backend),
    file: file === '' ? '/dev/random' : file,
    rate:
      bytes === undefined
        ? undefined
        : { bytes, periodMs: whole(child(element, 'rate'), 'period') ?? 1000 },
    virtio: readVirtioOptions(element, attribute(element, 'model')),
  }
}

/** Reads a `<memballoon>`; `undefined` for model `none`. */
export function readBalloon(element: Element): Balloon | undefined {
  const model = attribute(element, 'model') ?? 'virtio'
  if (model === 'none') return undefined
  return {
    ...readDevice(element),
    autodeflate: flag(element, 'autodeflate'),
    freePageReporting: flag(element, 'freePageReporting'),
    virtio: readVirtioOptions(element, model),
  }
}

/** Reads a `<watchdog>`. */
export function readWatchdog(element: Element): Watchdog {
  return {
    ...readDevice(element),
    model: (attribute(element, 'model') ?? 'i6300esb') as Watchdog['model'],
    action: attribute(element, 'action') ?? 'reset',
  }
}

/** Reads a `<panic>`. */
export function readPanic(element: Element): Panic {
  return { ...readDevice(element), model: (attribute(element, 'model') ?? 'isa') as Panic['model'] }
}

/** An IOMMU: as Intel's or ARM's machines have it, or virtio's. Only Intel's has options. */
export interface Iommu extends Device {
  readonly model: 'intel' | 'virtio' | 'smmuv3'
  readonly interruptRemapping: boolean | undefined
  readonly cachingMode: boolean | undefined
  readonly extendedInterrupts: boolean | undefined
  readonly deviceTlb: boolean | undefined
  readonly addressBits: number | undefined
  readonly dmaTranslation: boolean | undefined
}

/** A cryptographic device whose work QEMU does. */
export interface Crypto extends Device {
  readonly queues: number | undefined
  readonly virtio: VirtioOptions
}

/** Reads an `<iommu>`. */
export function readIommu(element: Element): Iommu {
  const driver = child(element, 'driver')
  const model = (attribute(element, 'model') ?? 'intel') as Iommu['model']
  if (model !== 'intel' && driver !== undefined)
    throw invalid(driver, `the IOMMU "${model}" has no options: remove it`)
  return {
    ...readDevice(element),
    model,
    interruptRemapping: flag(driver, 'intremap'),
    cachingMode: flag(driver, 'caching_mode'),
    extendedInterrupts: flag(driver, 'eim'),
    deviceTlb: flag(driver, 'iotlb'),
    addressBits: whole(driver, 'aw_bits'),
    dmaTranslation: flag(driver, 'dma_translation'),
  }
}

/** Reads a `<crypto>`. */
export function readCrypto(element: Element): Crypto {
  return {
    ...readDevice(element),
    queues: whole(child(element, 'backend'), 'queues'),
    virtio: readVirtioOptions(element, attribute(element, 'model')),
  }
}
