import { resolve } from 'node:path'
import { secretsOf } from '../../qemu/command-line/disk-nodes.ts'
import { usualPort } from '../../qemu/command-line/disk-storage.ts'
import type { CharacterBackend } from '../../qemu/domain-xml/model/character.ts'
import type { DiskLayer } from '../../qemu/domain-xml/model/disk-source.ts'
import type { Device } from '../../qemu/domain-xml/model/device.ts'
import type { Audio } from '../../qemu/domain-xml/model/audio.ts'
import type { SmartCard } from '../../qemu/domain-xml/model/smartcard.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type Graphics, isServer } from '../../qemu/domain-xml/model/graphics.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/interface.ts'
import type { HostDevice } from '../../qemu/domain-xml/model/host-device.ts'
import type { SharedDirectory } from '../../qemu/domain-xml/model/shared-directory.ts'
import type { Secret } from '../../qemu/domain-xml/model/secret.ts'
import type { SharedMemory } from '../../qemu/domain-xml/model/shared-memory.ts'
import type { Rng } from '../../qemu/domain-xml/model/small-devices.ts'
import type { Tpm } from '../../qemu/domain-xml/model/tpm.ts'

/**
 * What of the host a machine uses. `emulator` and `script` are programs that run. `path` is a file, a socket or a device. `listen` and `connect`
 * are network addresses. `network` is a bridge or a tap device. `secret` is the UUID of a secret of this host, or `TYPE/USAGE`. `arguments` are arguments for QEMU, separated by spaces. `command` is a whole recorded command line.
 */
export type ReachKind =
  | 'emulator'
  | 'path'
  | 'script'
  | 'listen'
  | 'connect'
  | 'network'
  | 'secret'
  | 'arguments'
  | 'command'

/** One thing of the host that a machine uses. */
export interface Reach {
  readonly kind: ReachKind
  /** Its purpose: `disk`, `serial log`. The same file for another purpose is another reach. */
  readonly use: string
  /** An absolute path, `ADDRESS:PORT`, or the name of a device. */
  readonly value: string
  /** Whether it is written, created, truncated or executed, and not only read. */
  readonly write: boolean
  /** Its place in the XML. */
  readonly place: string
  /** A qcow2 image has a header that may name more files; `without-backing`: the XML says which backing file it has. */
  readonly header?: 'with-backing' | 'without-backing' | undefined
}

/** Everything of the host that a QEMU for this domain uses because the XML names it. What Stasis itself chooses is not part of it. */
export function reachesOf(domain: Domain): readonly Reach[] {
  return [
    ...emulatorReach(domain),
    ...bootReaches(domain),
    ...domain.disks.flatMap(({ source, readonly, place }) =>
      source === undefined ? [] : layerReaches('disk', source, { write: !readonly, place }),
    ),
    ...portReaches(domain),
    ...domain.interfaces.flatMap(interfaceReaches),
    ...domain.graphics.flatMap(graphicsReaches),
    ...domain.audios.flatMap(audioReaches),
    ...domain.smartCards.flatMap(smartCardReaches),
    ...domain.rngs.flatMap(rngReaches),
    ...domain.inputs.flatMap(({ source, place }) =>
      given(source?.path, (file) => path('input device of the host', file, { write: true, place })),
    ),
    ...domain.sharedMemories.flatMap(sharedMemoryReaches),
    ...domain.vsocks.flatMap(({ place }) => [
      path('sockets between guest and host', '/dev/vhost-vsock', { write: true, place }),
    ]),
    ...domain.pstores.flatMap(({ path: file, place }) => [
      path('pstore', file, { write: true, place }),
    ]),
    ...domain.tpms.flatMap(tpmReaches),
    ...extraArgumentReaches(domain),
    ...domain.hostDevices.map(hostDeviceReach),
    ...domain.sharedDirectories.map(sharedDirectoryReach),
    ...domain.memoryDevices.flatMap(({ path: file, place }) =>
      given(file, (one) => path('persistent memory', one, { write: true, place })),
    ),
    ...devicesOf(domain).flatMap(({ rom, place }) =>
      rom?.file === undefined ? [] : [path('option ROM', rom.file, { place })],
    ),
  ]
}

/** The recorded command line of a QEMU that another program started. */
export function commandReach(commandLine: readonly string[]): Reach {
  const place = 'the cookie of the image'
  const value = commandLine.join(' ')
  return { kind: 'command', use: 'command line', value, write: true, place }
}

function emulatorReach({ emulator }: Domain): readonly Reach[] {
  if (emulator === undefined) return []
  const place = '/domain/devices/emulator'
  return [{ kind: 'emulator', use: 'emulator', value: emulator, write: true, place }]
}

function bootReaches({ os, firmwareSettings }: Domain): readonly Reach[] {
  const { kernel, initrd, shim, loader, nvram } = os
  return [
    ...given(kernel, (file) => path('kernel', file, { place: '/domain/os/kernel' })),
    ...given(initrd, (file) => path('initial RAM disk', file, { place: '/domain/os/initrd' })),
    ...given(shim, (file) => path('shim', file, { place: '/domain/os/shim' })),
    ...os.acpiTables.map((table) => path('ACPI table', table.path, { place: '/domain/os/acpi' })),
    ...firmwareSettings.flatMap(({ file }) =>
      file === undefined
        ? []
        : [path('setting for the firmware', file, { place: '/domain/sysinfo' })],
    ),
    ...given(loader, (one) =>
      path('firmware', one.path, { write: !one.readonly, place: '/domain/os/loader' }),
    ),
    ...given(nvram?.path, (file) =>
      path('UEFI variable store', file, { write: true, place: '/domain/os/nvram' }),
    ),
    ...given(nvram?.template, (file) =>
      path('template of the UEFI variable store', file, { place: '/domain/os/nvram/@template' }),
    ),
  ]
}

interface LayerPlace {
  readonly write: boolean
  readonly place: string
}

function layerReaches(use: string, layer: DiskLayer, where: LayerPlace): readonly Reach[] {
  const { backing: below, dataStore, reservations } = layer
  return [
    ...contentReaches(use, layer, where),
    ...secretsOf({ ...layer, backing: undefined, dataStore: undefined }).flatMap((secret) =>
      secretReaches(secret, use, where),
    ),
    ...(typeof below === 'object'
      ? layerReaches('backing file', below, { ...where, write: false })
      : []),
    ...(dataStore === undefined ? [] : layerReaches('data file', dataStore, where)),
    ...given(reservations, (socket) => path('socket for reservations', socket, where)),
  ]
}

function contentReaches(use: string, layer: DiskLayer, where: LayerPlace): readonly Reach[] {
  const { format, backing: below } = layer
  const header = below === undefined ? 'with-backing' : 'without-backing'
  switch (layer.type) {
    case 'network':
      return networkReaches(`${format} ${use}`, layer, where)
    case 'nvme':
      return [path(`${format} ${use}`, `/sys/bus/pci/devices/${layer.controller}`, where)]
    case 'file':
    case 'block':
    case 'dir':
      // Read in another format, a disk of a guest would be a text that the guest wrote for QEMU.
      return [
        { ...path(`${format} ${use}`, layer.path, where), ...(format === 'qcow2' && { header }) },
        ...(hasOtherFiles(format) ? [unknownFiles(layer.path, where)] : []),
      ]
  }
}

function networkReaches(
  use: string,
  { network, format, backing: below }: DiskLayer & { readonly type: 'network' },
  where: LayerPlace,
): readonly Reach[] {
  const { protocol, name = '', hosts, config } = network
  const what = `${protocol} ${use} ${name}${network.query === undefined ? '' : `?${network.query}`}`
  const connect = (value: string): Reach => ({ kind: 'connect', use: what, value, ...where })
  const servers = hosts.map((server) =>
    'socket' in server
      ? path(`socket of ${what}`, server.socket, where)
      : connect(`${server.host}:${server.port ?? usualPort(protocol) ?? 'any'}`),
  )
  return [
    ...servers,
    // Without servers, the configuration of this host has them.
    ...(servers.length === 0 ? [connect(`${protocol}:any`)] : []),
    ...given(config, (file) => path('configuration of Ceph', file, { place: where.place })),
    // Nobody can look at its header before QEMU opens the files that it names.
    ...((format === 'qcow2' && below === undefined) || hasOtherFiles(format)
      ? [unknownFiles(what, where)]
      : []),
  ]
}

/** Formats whose headers may name more files, which nobody looks at before QEMU opens them. */
function hasOtherFiles(format: DiskLayer['format']): boolean {
  return !['raw', 'qcow2', 'vdi', 'vpc'].includes(format)
}

/** Only a caller who trusts the whole image allows that. */
function unknownFiles(of: string, where: LayerPlace): Reach {
  return { kind: 'command', use: 'files that the disk itself names', value: of, ...where }
}

function secretReaches(secret: Secret, use: string, { place }: LayerPlace): readonly Reach[] {
  if ('text' in secret) return []
  const value = 'uuid' in secret ? secret.uuid : `${secret.type}/${secret.usage}`
  return [{ kind: 'secret', use: `secret of the ${use}`, value, write: false, place }]
}

function portReaches(domain: Domain): readonly Reach[] {
  const { serials, parallels, consoles, channels, redirectedDevices } = domain
  return [
    ...serials.flatMap((one) => backendReaches('serial port', one)),
    ...parallels.flatMap((one) => backendReaches('parallel port', one)),
    // A console of type `serial` is another name for the first serial port.
    ...consoles.flatMap((one) => (one.target === 'serial' ? [] : backendReaches('console', one))),
    ...channels.flatMap((one) => backendReaches('channel', one)),
    ...domain.guestForwards.flatMap((one) => backendReaches('forwarded address', one)),
    ...redirectedDevices.flatMap((one) => backendReaches('redirected USB device', one)),
  ]
}

function backendReaches(
  what: string,
  { backend, place }: { readonly backend: CharacterBackend; readonly place: string },
): readonly Reach[] {
  const { type, log, mode } = backend
  const where = { write: true, place }
  const own = (): readonly Reach[] => {
    if (type === 'file') return given(backend.path, (file) => path(`${what} file`, file, where))
    const listens = mode === 'bind'
    if (type === 'unix') {
      const use = `${what} socket${listens ? '' : ' of another program'}`
      return given(backend.path, (file) => path(use, file, where))
    }
    if (type === 'dev') return given(backend.path, (file) => path(`${what} device`, file, where))
    if (type === 'pipe')
      return given(backend.path, (file) => path(`${what} pipe`, file, where)).flatMap(pipeFiles)
    const network = (kind: 'listen' | 'connect', host = '127.0.0.1', port = ''): Reach => ({
      ...{ kind, use: what, write: true, place },
      value: `${host}:${port}`,
    })
    if (type === 'udp') {
      const { local } = backend
      const listening =
        local.host === undefined && local.service === undefined
          ? []
          : // QEMU binds to all addresses when none is given (chardev/char-udp.c).
            [network('listen', local.host || '0.0.0.0', local.service ?? 'any')]
      return [network('connect', backend.host, backend.service), ...listening]
    }
    if (type !== 'tcp') return []
    return [network(listens ? 'listen' : 'connect', backend.host, backend.service)]
  }
  return [...own(), ...given(log?.file, (file) => path(`${what} log`, file, where))]
}

/** QEMU opens the two directions, and the name itself where they do not exist (chardev/char-pipe.c). */
function pipeFiles(pipe: Reach): readonly Reach[] {
  return ['', '.in', '.out'].map((suffix) => ({ ...pipe, value: `${pipe.value}${suffix}` }))
}

function rngReaches(rng: Rng): readonly Reach[] {
  const { backend, kind, file, place } = rng
  if (backend !== undefined) return backendReaches('source of random numbers', { backend, place })
  return kind === 'random' ? [path('source of random numbers', file, { place })] : []
}

function sharedMemoryReaches({ path: file, server, place }: SharedMemory): readonly Reach[] {
  const where = { write: true, place }
  if (server !== undefined) return [path('server of shared memory', server.path, where)]
  return [path('shared memory', file, where)]
}

function audioReaches({
  type,
  path: file,
  input,
  output,
  runtimeDirectory,
  serverName,
  place,
}: Audio): readonly Reach[] {
  const where = { write: true, place }
  switch (type) {
    case 'file':
      // The name that QEMU takes where none is given (audio/wavaudio.c).
      return [path('sound file', file ?? 'qemu.wav', where)]
    case 'oss':
      return [input.dev, output.dev].flatMap((device) => [
        path('sound device', device ?? '/dev/dsp', where),
      ])
    case 'alsa':
      return [path('sound device', '/dev/snd', where)]
    case 'pipewire':
      return given(runtimeDirectory, (directory) => path('sound server', directory, where))
    case 'pulseaudio':
      return given(serverName, (value) => ({
        kind: 'connect',
        use: 'sound server',
        value,
        ...where,
      }))
    case 'jack':
    case 'sdl':
    case 'dbus':
    case 'spice':
    case 'none':
      return []
  }
}

function smartCardReaches(card: SmartCard): readonly Reach[] {
  const { place } = card
  switch (card.mode) {
    case 'passthrough':
      return backendReaches('smart card', card)
    case 'host':
      return [path('smart cards of the host', '/run/pcscd/pcscd.comm', { write: true, place })]
    case 'host-certificates':
      return [path('certificates', card.database, { place })]
  }
}

function interfaceReaches(card: NetworkInterface): readonly Reach[] {
  const { place } = card
  const network = (use: string) => (value: string) =>
    ({ kind: 'network', use, value, write: true, place }) as const
  const script = (value: string): Reach => ({
    ...{ kind: 'script', use: 'network script', write: true, place },
    value: resolve('/', value),
  })
  switch (card.type) {
    case 'bridge':
      return given(card.bridge, network('bridge'))
    case 'network':
      return given(card.network, network('network'))
    case 'direct':
      return given(card.network, network('device'))
    case 'ethernet':
      return [
        ...given(card.targetDevice, network('tap device')),
        ...[card.script, card.downscript]
          .filter((one) => one !== 'no')
          .flatMap((one) => given(one, script)),
      ]
    case 'null':
      return []
    case 'client':
    case 'server':
    case 'mcast':
    case 'udp':
      return socketReaches(card)
    case 'user':
      return card.forwards.map(({ hostAddress, hostPort }) => ({
        ...{ kind: 'listen', use: 'forwarded port', write: true, place },
        // QEMU listens on all addresses when none is given (net/slirp.c).
        value: `${hostAddress || '0.0.0.0'}:${hostPort}`,
      }))
  }
}

/** They may make QEMU do anything that it can. */
function extraArgumentReaches({ extraArguments }: Domain): readonly Reach[] {
  if (extraArguments.length === 0) return []
  const place = '/domain/qemu:commandline'
  const value = extraArguments.join(' ')
  return [{ kind: 'arguments', use: 'arguments for QEMU', value, write: true, place }]
}

function hostDeviceReach({ source, place }: HostDevice): Reach {
  const where = { write: true, place }
  switch (source.type) {
    case 'pci':
      return path('PCI device', `/sys/bus/pci/devices/${source.host}`, where)
    case 'mdev':
      return path('mediated device', `/sys/bus/mdev/devices/${source.uuid}`, where)
    case 'usb': {
      const { at, kind } = source
      const number = (part: number): string => String(part).padStart(3, '0')
      // A kind of device may be anywhere on the buses.
      const device = at === undefined ? '' : `/${number(at.bus)}/${number(at.device)}`
      const what = at === undefined ? ` ${kind?.vendor}:${kind?.product}` : ''
      return path(`USB device${what}`, `/dev/bus/usb${device}`, where)
    }
  }
}

function sharedDirectoryReach({ source, readonly, place }: SharedDirectory): Reach {
  const where = { write: !readonly, place }
  if (source.type === '9p') return path('shared directory', source.directory, where)
  const { from } = source
  return 'socket' in from
    ? path('socket of virtiofsd', from.socket, where)
    : path('directory shared by virtiofsd', from.directory, where)
}

/** The emulator itself is one of this host: no XML names it. */
function tpmReaches({ backend, place }: Tpm): readonly Reach[] {
  const where = { write: true, place }
  switch (backend.type) {
    case 'emulator':
      return given(backend.stateDirectory, (dir) => path('state of the TPM', dir, where))
    case 'external':
      return [path('TPM socket of another program', backend.path, where)]
    case 'passthrough':
      return [path('TPM of the host', backend.path, where)]
  }
}

function socketReaches({ type, socket, place }: NetworkInterface): readonly Reach[] {
  const address = (kind: 'listen' | 'connect', value: string): Reach => ({
    ...{ kind, use: 'network between QEMUs', write: true, place },
    value: value.replace(/^:/, '0.0.0.0:'),
  })
  if (socket === undefined) return []
  const listens = type === 'server' || type === 'mcast'
  return [
    address(listens ? 'listen' : 'connect', socket.remote),
    ...given(socket.local, (local) => address('listen', local)),
  ]
}

function localDisplayReaches(
  graphics: Exclude<Graphics, { readonly type: 'vnc' | 'spice' }>,
): readonly Reach[] {
  const { place } = graphics
  const where = { write: true, place }
  switch (graphics.type) {
    case 'egl-headless':
      return [path('render node', graphics.renderNode ?? '/dev/dri', where)]
    case 'sdl': {
      const { display, authority } = graphics
      return [
        ...given(display, (value) => ({ kind: 'connect', use: 'X display', value, ...where })),
        ...given(authority, (file) => path('X authority', file, { place })),
      ]
    }
    case 'dbus': {
      const { bus, gl, renderNode } = graphics
      return [
        ...given(bus, (value) => ({ kind: 'connect', use: 'message bus', value, ...where })),
        ...(gl ? [path('render node', renderNode ?? '/dev/dri', where)] : []),
      ]
    }
  }
}

function graphicsReaches(graphics: Graphics): readonly Reach[] {
  if (!isServer(graphics)) return localDisplayReaches(graphics)
  const { type, listen, socket, address, port, keymap, place } = graphics
  const where = { write: true, place }
  const name = type === 'vnc' ? 'VNC' : 'SPICE'
  const more =
    type === 'spice' && graphics.gl
      ? [path('render node', graphics.renderNode ?? '/dev/dri', where)]
      : []
  // QEMU finds a plain name in its own directory.
  const keys = keymap?.includes('/') === true ? [path('keyboard layout', keymap, { place })] : []
  if (listen === 'socket')
    return [...keys, ...given(socket, (one) => path(`${name} socket`, one, where)), ...more]
  if (listen === 'none') return [...keys, ...more]
  const tls = type === 'spice' ? graphics.tlsPort : undefined
  const ports = [port, tls].filter((one) => one !== undefined)
  const listening = (ports.length === 0 ? ['any'] : ports).map((one) => ({
    ...({ kind: 'listen', use: `${name} server`, ...where } as const),
    value: `${address ?? '127.0.0.1'}:${one}`,
  }))
  return [...keys, ...listening, ...more]
}

function devicesOf(domain: Domain): readonly Device[] {
  const { disks, controllers, interfaces, serials, channels, inputs, videos, sounds } = domain
  const { hubs, watchdogs, balloon, rngs, panics, redirectedDevices } = domain
  const small = [
    ...hubs,
    ...redirectedDevices,
    ...watchdogs,
    ...(balloon === undefined ? [] : [balloon]),
    ...panics,
  ]
  const cards = [...domain.hostDevices, ...interfaces, ...videos, ...sounds, ...inputs, ...rngs]
  return [...disks, ...controllers, ...serials, ...channels, ...cards, ...small]
}

function path(
  use: string,
  file: string,
  { write = false, place }: { readonly write?: boolean; readonly place: string },
): Reach {
  // QEMU runs in `/`.
  return { kind: 'path', use, value: resolve('/', file), write, place }
}

function given<Value>(value: Value | undefined, make: (value: Value) => Reach): readonly Reach[] {
  return value === undefined || value === '' ? [] : [make(value)]
}
