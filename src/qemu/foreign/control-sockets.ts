/** The monitors of a QEMU that another program may use. */
export interface ControlMonitors {
  /** Paths of unix sockets on which it listens, as it wrote them. */
  readonly sockets: readonly string[]
  /** libvirt started it, and holds the monitor called `charmonitor`: its socket is an inherited descriptor, or in libvirt's own directory. */
  readonly libvirt: boolean
  /** Stasis started it, or has taken it over. */
  readonly ours: boolean
}

/** Finds the QMP monitors on a command line that listen on a unix socket: `-qmp unix:PATH,server`, `-chardev socket,…` with `-mon …,mode=control`. */
export function controlMonitors(commandLine: readonly string[]): ControlMonitors {
  const pairs = commandLine.map((option, index) => [option, commandLine[index + 1] ?? ''] as const)
  const valuesOf = (pattern: RegExp): readonly string[] =>
    pairs.filter(([option]) => pattern.test(option)).map(([, value]) => value)
  const direct = valuesOf(/^--?qmp(-pretty)?$/)
    .filter((value) => value.startsWith('unix:'))
    .map((value) => value.slice('unix:'.length))
    .filter((value) => isServer(value))
    .map((value) => unescaped(/^(?:[^,]|,,)*/.exec(value)?.[0] ?? ''))
  const control = new Set(
    valuesOf(/^--?mon$/)
      .filter((value) => partOf(value, 'mode') === 'control')
      .map((value) => partOf(value, 'chardev') ?? value.split(',')[0]),
  )
  const devices = valuesOf(/^--?chardev$/).filter((value) => control.has(partOf(value, 'id')))
  const named = devices
    .filter((value) => isServer(value) && partOf(value, 'id') !== 'charmonitor')
    .map((value) => partOf(value, 'path'))
    .filter((path) => path !== undefined)
  return {
    sockets: [...direct, ...named].filter((path) => path.startsWith('/')),
    libvirt: control.has('charmonitor'),
    ours: control.has('char-stasis-control'),
  }
}

function isServer(value: string): boolean {
  return /,server(=on)?(,|$)/.test(value)
}

/** The value of a key in QEMU's notation; a comma in it is doubled. */
function partOf(value: string, key: string): string | undefined {
  const found = new RegExp(`(?:^|(?<!,),)${key}=((?:[^,]|,,)*)`).exec(value)?.[1]
  return found === undefined ? undefined : unescaped(found)
}

function unescaped(value: string): string {
  return value.replaceAll(',,', ',')
}
