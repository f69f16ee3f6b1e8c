import { resolve } from 'node:path'

/** The host's side of the first serial port of a QEMU, as far as a console can use it. */
export type ForeignSerial =
  | { readonly type: 'pty' }
  | { readonly type: 'file'; readonly path: string }
  /** QEMU listens. */
  | { readonly type: 'unix'; readonly path: string }

/** Devices that are serial ports of a PC. */
const SERIAL_DEVICE = /^(?:isa-serial|pci-serial)$/

/** Finds the first serial port in a command line; `undefined` if there is none, or a console cannot connect to it. `cwd` is the directory of QEMU. */
export function foreignSerial(argv: readonly string[], cwd: string): ForeignSerial | undefined {
  const [short] = valuesOf(argv, 'serial')
  if (short !== undefined && !short.startsWith('chardev:')) return shortForm(short, cwd)
  const id =
    short?.slice('chardev:'.length) ?? valuesOf(argv, 'device').map(serialDevice).find(Boolean)
  const chardev = valuesOf(argv, 'chardev')
    .map(factsOf)
    .find((facts) => facts['id'] === id)
  if (id === undefined || chardev === undefined) return undefined
  const { kind, path } = chardev
  if (kind === 'pty') return { type: 'pty' }
  if (path === undefined) return undefined
  if (kind === 'file') return { type: 'file', path: resolve(cwd, path) }
  if (kind === 'socket' && listens(chardev)) return { type: 'unix', path: resolve(cwd, path) }
  return undefined
}

function valuesOf(argv: readonly string[], option: string): readonly string[] {
  return argv.filter((_, index) => {
    const before = argv[index - 1]
    return before === `-${option}` || before === `--${option}`
  })
}

/** `file:PATH`, `pty`, `unix:PATH,server=on` (QEMU's `-serial`). */
function shortForm(value: string, cwd: string): ForeignSerial | undefined {
  if (value === 'pty') return { type: 'pty' }
  const [, kind, rest = ''] = /^(file|unix):(.*)$/s.exec(value) ?? []
  if (kind === 'file') return { type: 'file', path: resolve(cwd, rest) }
  if (kind !== 'unix') return undefined
  const { kind: path = '', ...facts } = factsOf(rest)
  return listens(facts) ? { type: 'unix', path: resolve(cwd, path) } : undefined
}

/** The chardev behind a device that is a serial port. */
function serialDevice(value: string): string | undefined {
  const { kind, driver = kind, chardev } = value.startsWith('{') ? jsonFacts(value) : factsOf(value)
  return driver !== undefined && SERIAL_DEVICE.test(driver) ? chardev : undefined
}

type Facts = Readonly<Record<string, string>>

/** `kind,name=value,…`; a comma in a value is doubled. The first word without a name is `kind`. */
function factsOf(value: string): Facts {
  const words = value.split(/(?<!,),(?!,)/).map((word) => word.replaceAll(',,', ','))
  const pairs = words.map((word, index): [string, string] => {
    const at = word.indexOf('=')
    if (at < 0) return index === 0 ? ['kind', word] : [word, 'on']
    return [word.slice(0, at), word.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}

function jsonFacts(value: string): Facts {
  try {
    return JSON.parse(value) as Facts
  } catch {
    return {}
  }
}

function listens({ server }: Facts): boolean {
  return server === 'on' || server === 'yes' || server === 'true'
}
