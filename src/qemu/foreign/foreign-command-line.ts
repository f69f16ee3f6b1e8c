/** Options of QEMU that depend on something that only the program that started it can pass. */
const INHERITED: readonly (readonly [RegExp, string])[] = [
  [/(^|,|")(fd|vhostfd|rfd|wfd|sockfd)["]?[=:]"?\d/, 'an inherited descriptor'],
  [/(^|,|")(fds|vhostfds)["]?[=:]/, 'inherited descriptors'],
  [/\/dev\/fdset\//, 'an inherited descriptor set'],
  [/\/dev\/fd\/|\/proc\/self\/fd\//, 'an inherited descriptor'],
]

/** Characters that an XML cookie cannot contain or does not preserve; U+FFFD stands for bytes that are not UTF-8. */
// oxlint-disable-next-line eslint/no-control-regex
const UNRECORDABLE = /[\u0000-\u0008\u000b-\u001f\ufffd-\uffff]/

/** Options whose value names a character device, which may be a connection. */
const CHARACTER_OPTIONS = /^--?(chardev|serial|parallel|monitor|qmp|qmp-pretty|mon|debugcon|gdb)$/

/** Options that concern the process rather than the machine; the first list is of those with a value. */
const DROPPED_PAIRS = /^--?(incoming|pidfile|runas|run-with|chroot|user|sandbox)$/
const DROPPED = /^--?(daemonize|S)$/

/** Describes the parts of a command line that nobody else could repeat; empty when there are none. */
export function unrepeatableArguments(argv: readonly string[]): readonly string[] {
  const found: string[] = []
  argv.forEach((value, index) => {
    const option = argv[index - 1] ?? ''
    if (UNRECORDABLE.test(value)) {
      found.push(`argument ${index + 1} (${JSON.stringify(value)}) cannot be written into an image`)
      return
    }
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

/**
 * The arguments that create the machine again and let it wait for its state: without the monitors of Stasis, and without options of the old process.
 */
export function incomingCommandLine(argv: readonly string[]): readonly string[] {
  return [...machineArguments(argv), ...INCOMING]
}

/** Makes a new QEMU wait for the state of its machine. */
export const INCOMING: readonly string[] = ['-S', '-incoming', 'defer']

/** The arguments without QMP monitors, for a program that gives the new QEMU its own. */
export function withoutQmpMonitors(argv: readonly string[]): readonly string[] {
  const pairs = argv.map((option, index) => ({ option, value: argv[index + 1] ?? '' }))
  const devices = pairs
    .filter(({ option, value }) => isControlMonitor(option, value))
    .map(({ value }) =>
      /(?:^|,)chardev=([^,]+)|^([^,=]+)(?:,|$)/.exec(value)?.slice(1).find(Boolean),
    )
  const kept: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const { option, value } = pairs[index] ?? { option: '', value: '' }
    const id = /^--?chardev$/.test(option) ? /(?:^|,)id=([^,]+)/.exec(value)?.[1] : undefined
    const drops =
      /^--?qmp(-pretty)?$/.test(option) ||
      isControlMonitor(option, value) ||
      (id !== undefined && devices.includes(id))
    if (drops) index += 1
    else kept.push(option)
  }
  return kept
}

function isControlMonitor(option: string, value: string): boolean {
  return /^--?mon$/.test(option) && /(^|,)mode=control(,|$)/.test(value)
}

/** The arguments that belong to the machine: without the monitors of Stasis, and without options of the old process. */
export function machineArguments(argv: readonly string[]): readonly string[] {
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
    if (CHARACTER_OPTIONS.test(option) && index + 1 < argv.length) {
      kept.push(option, withoutWaiting(value))
      index += 1
      continue
    }
    kept.push(option)
  }
  return kept
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

/** Removes the wait: a server that waits for its first client would keep QEMU from starting. */
function withoutWaiting(value: string): string {
  if (!isSocket(value) || !isServer(value)) return value
  return `${value.replaceAll(/,(nowait|wait(=\w+)?)(?=,|$)/g, '')},wait=off`
}
