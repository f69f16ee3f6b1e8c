import { hostDeviceRule, sharedDirectoryRule } from './host-device.ts'
import { audioRule } from './audio.ts'
import { controllerRule } from './controller.ts'
import { diskRule } from './disk.ts'
import { inputRule, videoRule } from './display.ts'
import { graphicsRule } from './graphics.ts'
import { memoryDeviceRule } from './memory-device.ts'
import { interfaceRule } from './interface.ts'
import {
  audioReference,
  bootOrder,
  characterKind,
  characterParts,
  characterSide,
  deviceParts,
  live,
  virtioDriver,
} from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfDevice,
  kindOfElement,
  onOff,
  refused,
  valueWithoutEffect,
  whole,
  yesNo,
} from './rule.ts'
import { pstoreRule, sharedMemoryRule, vsockRule } from './small-devices.ts'
import { tpmRule } from './tpm.ts'

const soundModels = ['ich6', 'ich9', 'ac97', 'es1370', 'usb', 'virtio', 'sb16', 'pcspk']
const virtioModels = ['virtio', 'virtio-transitional', 'virtio-non-transitional']

const serialRule: ElementRule = {
  hostSide: characterSide,
  attributes: { type: characterKind, tty: live },
  children: {
    ...characterParts,
    target: {
      attributes: {
        type: kindOfDevice('isa-serial', 'pci-serial', 'usb-serial', 'isa-debug', 'system-serial'),
        port: whole,
      },
      children: {
        model: attributes({
          name: kindOfDevice('isa-serial', 'pci-serial', 'usb-serial', 'isa-debugcon', 'pl011'),
        }),
      },
    },
  },
}

const parallelRule: ElementRule = {
  hostSide: characterSide,
  attributes: { type: characterKind, tty: live },
  children: { ...characterParts, target: attributes({ port: whole }) },
}

const consoleRule: ElementRule = {
  hostSide: characterSide,
  attributes: { type: characterKind, tty: live },
  children: {
    ...characterParts,
    target: attributes({ type: kindOfDevice('serial', 'virtio'), port: whole }),
  },
}

const channelRule: ElementRule = {
  hostSide: characterSide,
  attributes: { type: characterKind },
  children: {
    ...characterParts,
    target: attributes({
      type: kindOfDevice('virtio', 'guestfwd'),
      address: anyText,
      port: whole,
      name: anyText,
      state: live,
    }),
  },
}

/** A USB device of another machine, brought here over a connection. */
const redirdevRule: ElementRule = {
  hostSide: characterSide,
  attributes: { type: characterKind, bus: kindOfDevice('usb') },
  children: { ...characterParts, boot: bootOrder },
}

/** Which USB devices may be brought here; `-1` stands for every value. */
const redirfilterRule: ElementRule = {
  children: {
    usbdev: attributes({
      class: anyText,
      vendor: anyText,
      product: anyText,
      version: anyText,
      allow: yesNo,
    }),
  },
}

const smartcardRule: ElementRule = {
  attributes: {
    mode: kindOfDevice('host', 'host-certificates', 'passthrough'),
    type: characterKind,
  },
  children: { ...characterParts, certificate: holding(anyText), database: holding(anyText) },
}

const rngRule: ElementRule = {
  attributes: { model: kindOfDevice(...virtioModels) },
  children: {
    ...deviceParts,
    backend: {
      attributes: { model: kindOfDevice('random', 'builtin', 'egd'), type: characterKind },
      children: characterParts,
      text: anyText,
    },
    rate: attributes({ bytes: whole, period: whole }),
    driver: { attributes: virtioDriver },
  },
}

const balloonRule: ElementRule = {
  attributes: {
    model: kindOfDevice(...virtioModels, 'none'),
    autodeflate: onOff,
    freePageReporting: onOff,
  },
  children: {
    ...deviceParts,
    stats: attributes({ period: valueWithoutEffect('statistics are not polled') }),
    driver: { attributes: virtioDriver },
  },
}

const iommuRule: ElementRule = {
  attributes: { model: kindOfDevice('intel', 'virtio', 'smmuv3') },
  children: {
    ...deviceParts,
    driver: attributes({
      intremap: onOff,
      caching_mode: onOff,
      eim: onOff,
      iotlb: onOff,
      aw_bits: whole,
      dma_translation: onOff,
    }),
  },
}

/** `<devices>` */
export const devicesRule: ElementRule = {
  children: {
    emulator: holding(anyText),
    disk: diskRule,
    controller: controllerRule,
    interface: interfaceRule,
    serial: serialRule,
    console: consoleRule,
    channel: channelRule,
    input: inputRule,
    graphics: graphicsRule,
    video: videoRule,
    audio: audioRule,
    sound: {
      attributes: { model: kindOfDevice(...soundModels), multichannel: yesNo, streams: whole },
      children: {
        ...deviceParts,
        codec: attributes({ type: kindOfElement('duplex', 'micro', 'output') }),
        audio: audioReference,
        driver: { attributes: virtioDriver },
      },
    },
    hub: { attributes: { type: kindOfDevice('usb') }, children: deviceParts },
    watchdog: {
      attributes: {
        model: kindOfDevice('itco', 'i6300esb', 'ib700'),
        action: choice('reset', 'shutdown', 'poweroff', 'pause', 'none', 'inject-nmi', 'dump'),
      },
      children: deviceParts,
    },
    memballoon: balloonRule,
    rng: rngRule,
    panic: {
      attributes: { model: kindOfDevice('isa', 'pvpanic', 'hyperv') },
      children: deviceParts,
    },
    parallel: parallelRule,
    tpm: tpmRule,
    hostdev: hostDeviceRule,
    redirdev: redirdevRule,
    redirfilter: redirfilterRule,
    smartcard: smartcardRule,
    vsock: vsockRule,
    shmem: sharedMemoryRule,
    filesystem: sharedDirectoryRule,
    memory: memoryDeviceRule,
    iommu: iommuRule,
    nvram: refused('it exists only on other architectures'),
    lease: {
      ...refused('this program has no lock manager, which would keep the guest from running twice'),
      hostOnly: true,
    },
    crypto: {
      attributes: { model: kindOfDevice('virtio'), type: kindOfDevice('qemu') },
      children: {
        ...deviceParts,
        backend: attributes({ model: kindOfDevice('builtin'), queues: whole }),
        driver: { attributes: virtioDriver },
      },
    },
    pstore: pstoreRule,
  },
}
