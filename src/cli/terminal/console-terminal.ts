import { storageError } from '../../io/storage-error.ts'
import { type DomainConsole, openConsole } from '../../domain/lifecycle/console.ts'
import type { DirectoryOptions } from '../../domain/store/directories.ts'
import type { Output } from './output.ts'
import { watchReader } from './reader-watch.ts'

/** Ctrl-], as in virsh and telnet. */
const ESCAPE = 0x1d

/** Connects this terminal to the serial console of a domain until the escape key, a signal, or the end of QEMU, or until nobody reads the output. */
export async function attachConsole(
  domain: string,
  options: {
    readonly directories: DirectoryOptions
    readonly signal: AbortSignal
    readonly output: Output
    /** The key that leaves it, as a byte. Default: Ctrl-]. */
    readonly escape?: number | undefined
  },
): Promise<void> {
  const { directories, signal, output, escape = ESCAPE } = options
  await using console = await openConsole(domain, { ...directories, signal })
  output.note(`Connected to domain '${console.name}'`)
  output.note(
    console.input === undefined
      ? `The console is the file ${console.path} (read only). Press Ctrl-C to leave`
      : `Escape character is ${keyName(escape)}`,
  )
  const left = Promise.withResolvers<void>()
  const leave = (): void => left.resolve()
  signal.addEventListener('abort', leave, { once: true })
  console.output.on('data', (data: Buffer) => process.stdout.write(data))
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') leave()
    else left.reject(storageError('write the output of the guest', 'standard output', error))
  })
  try {
    using _reader = watchReader(output, leave)
    using _keyboard =
      console.input === undefined ? undefined : connectKeyboard(console, escape, leave)
    await Promise.race([left.promise, console.ended])
  } finally {
    signal.removeEventListener('abort', leave)
  }
  output.note('')
}

/** A key, as virsh names it. */
function keyName(escape: number): string {
  if (escape >= 0x20) return `${String.fromCharCode(escape)} (${String.fromCharCode(escape)})`
  const key = String.fromCharCode(escape | 0x40)
  return `^${key} (Ctrl + ${key})`
}

function connectKeyboard(console: DomainConsole, key: number, leave: () => void): Disposable {
  const { stdin } = process
  const raw = stdin.isTTY
  const type = (data: Buffer): void => {
    const escape = raw ? data.indexOf(key) : -1
    console.input?.write(escape === -1 ? data : data.subarray(0, escape))
    if (escape !== -1) leave()
  }
  if (raw) stdin.setRawMode(true)
  stdin.on('data', type)
  // The terminal was closed.
  stdin.on('error', leave)
  stdin.resume()
  return {
    [Symbol.dispose](): void {
      stdin.off('data', type)
      stdin.pause()
      if (raw) stdin.setRawMode(false)
    },
  }
}
