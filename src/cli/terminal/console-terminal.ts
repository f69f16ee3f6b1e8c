import { storageError } from '../../errors.ts'
import { type DomainConsole, openConsole } from '../../domain/lifecycle/console.ts'
import type { DirectoryOptions } from '../../domain/store/directories.ts'
import type { Output } from './output.ts'

/** Ctrl-], as in virsh and telnet. */
const ESCAPE = 0x1d

/** Connects this terminal to the serial console of a domain until Ctrl-], a signal, or the end of QEMU. */
export async function attachConsole(
  domain: string,
  options: {
    readonly directories: DirectoryOptions
    readonly signal: AbortSignal
    readonly output: Output
  },
): Promise<void> {
  const { directories, signal, output } = options
  await using console = await openConsole(domain, { ...directories, signal })
  output.note(`Connected to domain '${console.name}'`)
  output.note(
    console.input === undefined
      ? `The console is the file ${console.path} (read only). Press Ctrl-C to leave`
      : 'Escape character is ^] (Ctrl + ])',
  )
  const left = Promise.withResolvers<void>()
  const leave = (): void => left.resolve()
  signal.addEventListener('abort', leave, { once: true })
  console.output.on('data', (data: Buffer) => process.stdout.write(data))
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') leave()
    else left.reject(storageError('write the output of the guest', 'standard output', error))
  })
  using _keyboard = console.input === undefined ? undefined : connectKeyboard(console, leave)
  await Promise.race([left.promise, console.ended])
  signal.removeEventListener('abort', leave)
  output.note('')
}

function connectKeyboard(console: DomainConsole, leave: () => void): Disposable {
  const { stdin } = process
  const raw = stdin.isTTY
  const type = (data: Buffer): void => {
    const escape = raw ? data.indexOf(ESCAPE) : -1
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
