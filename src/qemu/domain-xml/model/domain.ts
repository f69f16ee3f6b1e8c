import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, childText, text, wholeText, whole } from '../access.ts'
import { diskNumber } from '../disk-name.ts'
import { grouped } from '../grouping.ts'
import { invalid } from '../location.ts'
import { parseUuid } from '../values.ts'
import { type Audio, readAudio } from './screen-and-sound/audio.ts'
import {
  type Channel,
  type Console,
  type GuestForward,
  isGuestForward,
  type ParallelPort,
  readChannel,
  readConsole,
  readGuestForward,
  readParallel,
  readSerial,
  type SerialPort,
} from './characters/character.ts'
import { type Clock, type PowerManagement, readClock, readPowerManagement } from './board/clock.ts'
import { type Controller, readController } from './buses/controller.ts'
import { type Cpu, readCpu } from './board/cpu.ts'
import { type Device, readDevice } from './buses/device.ts'
import { type Disk, readDisk } from './storage/disk.ts'
import { type Input, readInput, readVideos, type Video } from './screen-and-sound/display.ts'
import { type Graphics, readGraphics } from './screen-and-sound/graphics.ts'
import { type Features, readFeatures } from './board/features.ts'
import { type NetworkInterface, readInterface } from './devices/interface.ts'
import {
  type MemoryBacking,
  readCurrentMemory,
  readMaxMemory,
  readMemory,
  readMemoryBacking,
} from './board/memory.ts'
import { type LaunchSecurity, readLaunchSecurity } from './board/launch-security.ts'
import { type MemoryDevice, readMemoryDevice } from './board/memory-device.ts'
import { type Interconnect, type NumaCell, readInterconnects, readNuma } from './board/numa.ts'
import { type NumaTune, readNumaTune } from './board/numatune.ts'
import { type Os, readOs } from './board/os.ts'
import {
  type Balloon,
  type Panic,
  readBalloon,
  readPanic,
  readRng,
  readWatchdog,
  type Rng,
  type Watchdog,
  type Iommu,
  type Crypto,
  readIommu,
  readCrypto,
} from './devices/small-devices.ts'
import { type Pstore, readPstore } from './devices/pstore.ts'
import {
  type RedirectedDevice,
  type RedirectionRule,
  readRedirectedDevice,
  readRedirectionFilter,
} from './characters/redirection.ts'
import { readSharedMemory, type SharedMemory } from './devices/shared-memory.ts'
import { readSmartCard, type SmartCard } from './characters/smartcard.ts'
import {
  type HostDevice,
  isGiven,
  readHostDevice,
  isHostCard,
  readHostCard,
} from './devices/host-device.ts'
import { readSharedDirectory, type SharedDirectory } from './devices/shared-directory.ts'
import { readSound, type Sound } from './screen-and-sound/sound.ts'
import {
  type FirmwareSetting,
  readFirmwareSettings,
  readSysinfo,
  type Sysinfo,
} from './board/sysinfo.ts'
import { readThrottleGroups, type ThrottleGroup } from './storage/throttle.ts'
import { readTpm, type Tpm } from './devices/tpm.ts'
import { readPinning, type Pinning } from './board/pinning.ts'
import { readVcpus, type Vcpus } from './board/vcpus.ts'
import { readVsock, type Vsock } from './devices/vsock.ts'

/** A domain as its XML describes it. The command line of QEMU is built from it. */
export interface Domain {
  readonly type: 'qemu' | 'kvm'
  readonly name: string
  /** `undefined` in an XML that was not normalised. */
  readonly uuid: string | undefined
  /** A generation id for the guest; `'new'` requests a new one at each start. */
  readonly genid: string | undefined
  readonly memoryBytes: number
  /** The memory that the balloon leaves to the guest (QMP `balloon`); `memoryBytes` unless the XML has a smaller size. */
  readonly currentMemoryBytes: number
  readonly dumpCore: boolean
  /** The most memory with everything that may be added, and the number of places for modules. */
  readonly maxMemory: { readonly bytes: number; readonly slots: number | undefined } | undefined
  readonly memoryBacking: MemoryBacking
  readonly vcpus: Vcpus
  readonly pinning: Pinning
  readonly iothreads: readonly number[]
  readonly os: Os
  readonly sysinfo: readonly Sysinfo[]
  readonly firmwareSettings: readonly FirmwareSetting[]
  readonly features: Features
  readonly cpu: Cpu | undefined
  readonly numa: readonly NumaCell[]
  readonly interconnects: readonly Interconnect[]
  /** Whether `<numatune>` binds cells one by one; libvirt then gives each a RAM block of its own. */
  readonly numaBound: boolean
  readonly numaTune: NumaTune
  readonly clock: Clock
  readonly onPoweroff: string
  readonly onReboot: string
  readonly onCrash: string
  readonly pm: PowerManagement
  readonly emulator: string | undefined
  readonly disks: readonly Disk[]
  readonly controllers: readonly Controller[]
  readonly interfaces: readonly NetworkInterface[]
  readonly serials: readonly SerialPort[]
  readonly parallels: readonly ParallelPort[]
  readonly consoles: readonly Console[]
  readonly channels: readonly Channel[]
  readonly guestForwards: readonly GuestForward[]
  readonly inputs: readonly Input[]
  readonly graphics: readonly Graphics[]
  readonly audios: readonly Audio[]
  readonly sounds: readonly Sound[]
  readonly videos: readonly Video[]
  readonly redirectedDevices: readonly RedirectedDevice[]
  /** `undefined`: there is no filter, and every USB device may be redirected. */
  readonly redirectionFilter: readonly RedirectionRule[] | undefined
  readonly smartCards: readonly SmartCard[]
  readonly hubs: readonly Device[]
  readonly watchdogs: readonly Watchdog[]
  readonly balloon: Balloon | undefined
  readonly rngs: readonly Rng[]
  readonly panics: readonly Panic[]
  readonly tpms: readonly Tpm[]
  readonly memoryDevices: readonly MemoryDevice[]
  readonly iommus: readonly Iommu[]
  readonly cryptos: readonly Crypto[]
  readonly throttleGroups: readonly ThrottleGroup[]
  readonly sharedMemories: readonly SharedMemory[]
  readonly vsocks: readonly Vsock[]
  readonly pstores: readonly Pstore[]
  readonly hostDevices: readonly HostDevice[]
  readonly launchSecurity: LaunchSecurity | undefined
  /** Arguments for QEMU that the XML adds to those of the machine. */
  readonly extraArguments: readonly string[]
  readonly sharedDirectories: readonly SharedDirectory[]
}

/** Reads the whole `<domain>`, which must not contain anything that the schema does not allow. */
export function readModel(root: Element): Domain {
  const os = child(root, 'os')
  if (os === undefined) throw invalid(root, 'the element <os> is missing')
  const devices = child(root, 'devices')
  const all = (name: string): Element[] => (devices === undefined ? [] : children(devices, name))
  const cpu = child(root, 'cpu')
  const security = child(root, 'launchSecurity')
  return {
    type: attribute(root, 'type') === 'kvm' ? 'kvm' : 'qemu',
    name: childText(root, 'name') ?? '',
    uuid: parseUuid(childText(root, 'uuid') ?? ''),
    genid: readGenid(child(root, 'genid')),
    memoryBytes: readMemory(root),
    currentMemoryBytes: readCurrentMemory(root),
    dumpCore: attribute(child(root, 'memory'), 'dumpCore') === 'on',
    maxMemory: readMaxMemory(child(root, 'maxMemory')),
    memoryBacking: readMemoryBacking(child(root, 'memoryBacking')),
    vcpus: readVcpus(root),
    pinning: readPinning(root),
    iothreads: readIothreads(root),
    os: readOs(os),
    sysinfo: readSysinfo(root),
    firmwareSettings: readFirmwareSettings(root),
    features: readFeatures(child(root, 'features')),
    cpu: cpu === undefined ? undefined : readCpu(cpu),
    numa: readNuma(cpu),
    interconnects: readInterconnects(cpu),
    numaBound: child(child(root, 'numatune'), 'memnode') !== undefined,
    numaTune: readNumaTune(child(root, 'numatune')),
    clock: readClock(child(root, 'clock')),
    onPoweroff: childText(root, 'on_poweroff') ?? 'destroy',
    onReboot: childText(root, 'on_reboot') ?? 'restart',
    onCrash: childText(root, 'on_crash') ?? 'destroy',
    pm: readPowerManagement(child(root, 'pm')),
    emulator: childText(devices, 'emulator')?.trim(),
    disks: grouped(
      all('disk').map(readDisk),
      (disk) => disk.bus,
      (disk) => diskNumber(disk.target) ?? 0,
    ),
    controllers: all('controller').map(readController),
    interfaces: all('interface')
      .filter((one) => !isHostCard(one))
      .map(readInterface),
    serials: all('serial').map(readSerial),
    parallels: all('parallel').map(readParallel),
    consoles: all('console').map(readConsole),
    channels: all('channel')
      .filter((one) => !isGuestForward(one))
      .map(readChannel),
    guestForwards: all('channel').filter(isGuestForward).map(readGuestForward),
    inputs: all('input').map(readInput),
    graphics: all('graphics').map(readGraphics),
    videos: readVideos(all('video')),
    audios: all('audio').map(readAudio),
    sounds: all('sound').map(readSound),
    redirectedDevices: all('redirdev').map(readRedirectedDevice),
    redirectionFilter: all('redirfilter').map(readRedirectionFilter)[0],
    smartCards: all('smartcard').map(readSmartCard),
    hubs: all('hub').map(readDevice),
    watchdogs: all('watchdog').map(readWatchdog),
    balloon: all('memballoon').map(readBalloon)[0],
    rngs: all('rng').map(readRng),
    panics: all('panic').map(readPanic),
    tpms: all('tpm').map(readTpm),
    memoryDevices: all('memory').map(readMemoryDevice),
    iommus: all('iommu').map(readIommu),
    cryptos: all('crypto').map(readCrypto),
    throttleGroups: readThrottleGroups(child(root, 'throttlegroups')),
    sharedMemories: all('shmem').map(readSharedMemory),
    vsocks: all('vsock').map(readVsock),
    pstores: all('pstore').map(readPstore),
    launchSecurity: security === undefined ? undefined : readLaunchSecurity(security),
    extraArguments: readExtraArguments(child(root, 'qemu:commandline')),
    hostDevices: [
      ...all('hostdev').filter(isGiven).map(readHostDevice),
      ...all('interface').filter(isHostCard).map(readHostCard),
    ],
    sharedDirectories: all('filesystem').map(readSharedDirectory),
  }
}

function readGenid(element: Element | undefined): string | undefined {
  if (element === undefined) return undefined
  const value = text(element).trim()
  if (value === '') return 'new'
  const id = parseUuid(value)
  if (id === undefined) throw invalid(element, `"${value}" is not a UUID`)
  return id
}

/** The ids of the I/O threads: those listed, then the lowest free ones up to the count. */
function readIothreads(root: Element): readonly number[] {
  const count = child(root, 'iothreads')
  const list = child(root, 'iothreadids')
  const ids = (list === undefined ? [] : children(list, 'iothread')).map((element) => {
    const id = whole(element, 'id') ?? 0
    if (id < 1 || id > 65535) throw invalid(element, 'the id must be between 1 and 65535')
    return id
  })
  const wanted = count === undefined ? ids.length : wholeText(count)
  if (count !== undefined && wanted > 1024)
    throw invalid(count, `${wanted} I/O threads are too many`)
  for (let id = 1; ids.length < wanted; id++) if (!ids.includes(id)) ids.push(id)
  return ids
}

function readExtraArguments(element: Element | undefined): readonly string[] {
  if (element === undefined) return []
  return children(element, 'qemu:arg').map((argument) => attribute(argument, 'value') ?? '')
}
