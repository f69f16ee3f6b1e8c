/** Options of QEMU with which another program passes something that only it can pass again. */
const INHERITED: readonly (readonly [RegExp, string])[] = [
  [/(^|,|")(fd|vhostfd|rfd|wfd|sockfd)["]?[=:]"?\d/, 'an inherited descriptor'],
  [/(^|,|")(fds|vhostfds)["]?[=:]/, 'inherited descriptors'],
  [/\/dev\/fdset\//, 'an inherited descriptor set'],
  [/\/dev\/fd\/|\/proc\/self\/fd\//, 'an inherited descriptor'],
]

/** Options whose value names a character device, which may be a connection. */
const CHARACTER_OPTIONS = /^--?(chardev|serial|parallel|monitor|qmp|qmp-pretty|mon|debugcon|gdb)$/

/** Options of which a part is for the process, not for the machine, with their value. */
const DROPPED_PAIRS = /^--?(incoming|pidfile|runas|run-with|chroot|user|sandbox)$/
const DROPPED = /^--?(daemonize|S)$/

/** What of a command line could not be given again by somebody else, in words; empty when all could. */
export function whatCannotBeCarried(argv: readonly string[]): readonly string[] {
  const found: string[] = []
  argv.forEach((value, index) => {
    const option = argv[index - 1] ?? ''
    if (/^--?add-fd$/.test(option)) {
      found.push(`${option} ${value} passes an inherited descriptor`)
      return
    }
    const inherited = INHERITED.find(([pattern]) => pattern.test(value))
    if (inherited !== undefined) found.push(`${option} ${value} uses ${inherited[1]}`)
    else if (CHARACTER_OPTIONS.test(option) && isClient(value))
      found.push(`${option} ${value} is connected to another program`)
  })
  return found
}

/** The arguments with which a machine is made again to take its state: monitors of Stasis, and what is for the old process, left out. */
export function incomingCommandLine(argv: readonly string[]): readonly string[] {
  const kept: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const option = argv[index] ?? ''
    const value = argv[index + 1] ?? ''
    if (DROPPED.test(option)) continue
    if (DROPPED_PAIRS.test(option)) {
      index += 1
      continue
    }
    if (/^--?(chardev|mon)$/.test(option) && /(^|[=,-])stasis-(control|query)\b/.test(value)) {
      index += 1
      continue
    }
    if (CHARACTER_OPTIONS.test(option)) {
      kept.push(option, withoutWaiting(value))
      index += 1
      continue
    }
    kept.push(option)
  }
  return [...kept, '-S', '-incoming', 'defer']
}

function isSocket(value: string): boolean {
  return /^(socket,|unix:|tcp:|telnet:|websocket:|udp[,:])/.test(value)
}

function isClient(value: string): boolean {
  return isSocket(value) && !isServer(value)
}

function isServer(value: string): boolean {
  return /,server(=on)?(,|$)/.test(value)
}

/** A server that waits for its first client would keep QEMU from starting. */
function withoutWaiting(value: string): string {
  if (!isSocket(value) || !isServer(value)) return value
  return `${value.replaceAll(/,(nowait|wait(=\w+)?)(?=,|$)/g, '')},wait=off`
}
