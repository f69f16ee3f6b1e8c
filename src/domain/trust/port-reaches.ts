import type { CharacterBackend, Console } from '../../qemu/domain-xml/model/characters/character.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type Reach, given, path } from './reach.ts'

/** The reaches of the ports, consoles and channels of a machine. */
export function portReaches(domain: Domain): readonly Reach[] {
  const { serials, parallels, consoles, channels, redirectedDevices } = domain
  return [
    ...serials.flatMap((one) => backendReaches('serial port', one)),
    ...parallels.flatMap((one) => backendReaches('parallel port', one)),
    ...consoles.flatMap((one) => consoleReaches(one, serials.length > 0)),
    ...channels.flatMap((one) => backendReaches('channel', one)),
    ...domain.guestForwards.flatMap((one) => backendReaches('forwarded address', one)),
    ...redirectedDevices.flatMap((one) => backendReaches('redirected USB device', one)),
  ]
}

/** A console of type `serial` is another name for the first serial port. Without any, it becomes one (`fillCharacterDevices`). */
function consoleReaches(console: Console, hasSerialPorts: boolean): readonly Reach[] {
  if (console.target !== 'serial') return backendReaches('console', console)
  return hasSerialPorts ? [] : backendReaches('serial port', console)
}

/** The reaches of the host's end of a character device. `what` names the device: `serial port`. */
export function backendReaches(
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
