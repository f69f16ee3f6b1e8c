import { DomainXmlError } from '../../../errors.ts'
import type { Chipset } from '../../domain-xml/chipset.ts'
import type { Iommu } from '../../domain-xml/model/devices/small-devices.ts'
import { device, object, onOff } from '../arguments.ts'
import { chardev } from '../characters/chardev.ts'
import type { CommandLineOptions } from '../options.ts'
import { virtioDevice } from '../buses/virtio.ts'
import { addressOf, type Wiring } from '../buses/wiring.ts'

/** A watchdog. The one of q35 (`itco`) is part of the machine and only needs to be enabled. */
export function watchdogArguments(wiring: Wiring): readonly string[] {
  const { watchdogs } = wiring.domain
  const [first] = watchdogs
  if (first === undefined) return []
  for (const other of watchdogs) {
    if (other.action !== first.action) {
      throw new DomainXmlError(
        'XML_INVALID',
        `${other.place}: all watchdogs must have the same action`,
      )
    }
  }
  const devices = watchdogs.flatMap((watchdog, index) => {
    if (watchdog.model === 'itco') {
      if (wiring.chipset === 'q35') return ['-global', 'ICH9-LPC.noreboot=off']
      throw new DomainXmlError('XML_INVALID', `${watchdog.place}: "itco" exists only on q35`)
    }
    const id = wiring.idOf(watchdog, `watchdog${index}`)
    const address = watchdog.model === 'i6300esb' ? wiring.address(watchdog) : {}
    return device({ driver: watchdog.model, id, ...address })
  })
  // libvirt pauses the guest as well, writes a dump, and lets it go on.
  const action = first.action === 'dump' ? 'pause' : first.action
  return [...devices, '-watchdog-action', action]
}

/** The memory balloon. */
export function balloonArguments(wiring: Wiring): readonly string[] {
  const { balloon } = wiring.domain
  if (balloon === undefined) return []
  return device({
    ...virtioDevice('virtio-balloon', balloon.virtio),
    id: wiring.idOf(balloon, 'balloon0'),
    'deflate-on-oom': balloon.autodeflate,
    'free-page-reporting': balloon.freePageReporting,
    ...wiring.address(balloon),
  })
}

/** Random number devices. */
export function rngArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  return wiring.domain.rngs.flatMap((rng, index) => {
    const id = wiring.idOf(rng, `rng${index}`)
    const { kind, backend } = rng
    const source =
      kind === 'builtin' ? {} : kind === 'egd' ? { chardev: `char${id}` } : { filename: rng.file }
    return [
      ...(backend === undefined ? [] : chardev(backend, id, rng, options)),
      ...object({ 'qom-type': `rng-${kind}`, id: `obj${id}`, ...source }),
      ...device({
        ...virtioDevice('virtio-rng', rng.virtio),
        rng: `obj${id}`,
        id,
        'max-bytes': rng.rate?.bytes,
        period: rng.rate?.periodMs,
        ...wiring.address(rng),
      }),
    ]
  })
}

/** Devices through which the guest reports a crash. */
export function panicArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.panics.flatMap((panic) => {
    if (panic.model === 'hyperv') return []
    if (panic.model === 'pvpanic')
      return device({ driver: 'pvpanic-pci', ...wiring.address(panic) })
    const ioport = panic.address?.type === 'isa' ? panic.address.iobase : undefined
    return device({ driver: 'pvpanic', ioport })
  })
}

/** The generation id, whose change signals to a guest that it is another copy. */
export function genidArguments({ domain }: Wiring): readonly string[] {
  if (domain.genid === undefined) return []
  const guid = domain.genid === 'new' ? 'auto' : domain.genid
  return device({ driver: 'vmgenid', guid, id: 'vmgenid0' })
}

/** Threads that do the work of devices. */
export function iothreadArguments({ domain }: Wiring): readonly string[] {
  return domain.iothreads.flatMap((id) => object({ 'qom-type': 'iothread', id: `iothread${id}` }))
}

/** A device in which a guest's kernel records where to find its crash data. */
export function vmcoreinfoArguments({ domain }: Wiring): readonly string[] {
  return domain.features.vmcoreinfo ? device({ driver: 'vmcoreinfo' }) : []
}

/** The IOMMUs that a machine can have. */
const IOMMUS: Readonly<Record<Chipset, readonly Iommu['model'][]>> = {
  q35: ['intel', 'virtio'],
  i440fx: [],
  virt: ['smmuv3', 'virtio'],
}

/** An IOMMU. It comes before the devices that it serves. */
export function iommuArguments(wiring: Wiring): readonly string[] {
  const [first, second] = wiring.domain.iommus
  if (first === undefined) return []
  if (second !== undefined)
    throw new DomainXmlError('XML_INVALID', `${second.place}: a machine has only one IOMMU`)
  const models = IOMMUS[wiring.chipset]
  if (!models.includes(first.model))
    throw new DomainXmlError(
      'XML_INVALID',
      `${first.place}: this machine cannot have the IOMMU "${first.model}"`,
      {
        hint: models.length === 0 ? 'Only q35 and virt can have one' : `Use ${models.join(' or ')}`,
      },
    )
  // It is part of the machine.
  if (first.model === 'smmuv3') return []
  if (first.model === 'virtio') {
    if (!wiring.domain.features.acpi)
      throw new DomainXmlError('XML_INVALID', `${first.place}: it needs <acpi/> in <features>`)
    if (addressOf(first, 'pci').bus !== 0)
      throw new DomainXmlError('XML_INVALID', `${first.place}: its address must be on bus 0`)
    const id = wiring.idOf(first, 'iommu0')
    return device({ driver: 'virtio-iommu', id, ...wiring.address(first) })
  }
  return device({
    driver: 'intel-iommu',
    id: wiring.idOf(first, 'iommu0'),
    intremap: onOff(first.interruptRemapping),
    'caching-mode': first.cachingMode,
    eim: onOff(first.extendedInterrupts),
    'device-iotlb': first.deviceTlb,
    'aw-bits': first.addressBits,
    'dma-translation': first.dmaTranslation,
  })
}

/** Cryptographic devices. QEMU itself refuses to save a guest that has one. */
export function cryptoArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.cryptos.flatMap((crypto, index) => {
    const id = wiring.idOf(crypto, `crypto${index}`)
    const cryptodev = `obj${id}`
    return [
      ...object({ 'qom-type': 'cryptodev-backend-builtin', id: cryptodev, queues: crypto.queues }),
      ...device({
        ...virtioDevice('virtio-crypto', crypto.virtio),
        cryptodev,
        id,
        ...wiring.address(crypto),
      }),
    ]
  })
}

/** Sockets between guest and host. QEMU opens the kernel's side itself. */
export function vsockArguments(wiring: Wiring): readonly string[] {
  const [first, second] = wiring.domain.vsocks
  if (first === undefined) return []
  if (second !== undefined)
    throw new DomainXmlError('XML_INVALID', `${second.place}: a machine has only one vsock`)
  if (first.cid === undefined) {
    throw new DomainXmlError('XML_INVALID', `${first.place}: the vsock has no address`, {
      hint: 'Give one with <cid address="…"/>, or let this program choose with <cid auto="yes"/>',
    })
  }
  return device({
    ...virtioDevice('vhost-vsock', first.virtio),
    id: wiring.idOf(first, 'vsock0'),
    'guest-cid': first.cid,
    ...wiring.address(first),
  })
}

/** A place where a guest's kernel leaves its last messages. */
export function pstoreArguments(wiring: Wiring): readonly string[] {
  const [first, second] = wiring.domain.pstores
  if (first === undefined) return []
  if (second !== undefined)
    throw new DomainXmlError('XML_INVALID', `${second.place}: a machine has only one pstore`)
  const id = wiring.idOf(first, 'pstore0')
  const memdev = `mem${id}`
  return [
    ...object({
      'qom-type': 'memory-backend-file',
      id: memdev,
      'mem-path': first.path,
      size: first.sizeBytes,
      share: true,
    }),
    ...device({ driver: 'acpi-erst', id, memdev, ...wiring.address(first) }),
  ]
}
