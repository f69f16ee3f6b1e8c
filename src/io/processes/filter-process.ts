import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { ImageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { cleanEnvironment } from './clean-environment.ts'
import { findProgram, withoutNewPrivileges } from './no-new-privileges.ts'

/** A program that transforms its input into its output. It gets nothing else of ours: a clean environment, and no way to gain privileges. */
export interface FilterTool {
  readonly command: string
  readonly args: readonly string[]
  /** The Debian package that contains it. */
  readonly package: string
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

const MAX_COMPLAINT = 4096

/**
 * The output of a program for the given bytes, as it arrives. The caller may reuse a piece of input once the next is requested. Leaving the loop
 * early ends the program.
 * @throws ImageError IMAGE_UNSUPPORTED when it is not installed; StorageError when it cannot be started; FilterError when it fails; errors of the input
 */
export async function* filterStream(
  tool: FilterTool,
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { child, ended } = await start(tool)
  let fault: unknown
  const fed = feed(child.stdin, input).catch((error: unknown) => {
    fault = error
    child.kill('SIGKILL')
  })
  try {
    for await (const piece of child.stdout) {
      if (fault !== undefined) break
      yield piece as Buffer
    }
    await fed
    if (fault !== undefined) throw fault
    await ended
  } finally {
    child.kill('SIGKILL')
    child.stdin.destroy()
    await fed
    await ended.catch(() => undefined)
  }
}

/** The whole output of a program for some bytes. @throws as `filterStream` */
export async function filterBytes(tool: FilterTool, bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of filterStream(tool, [bytes] as unknown as AsyncIterable<Uint8Array>))
    pieces.push(piece)
  return Buffer.concat(pieces)
}

/** A program that failed; the message is its error output. */
class FilterError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FilterError'
  }
}

interface Filter {
  readonly child: Child
  /** Rejects when the program fails. Rejections that nobody awaits are ignored. */
  readonly ended: Promise<void>
}

async function start(tool: FilterTool): Promise<Filter> {
  const { command, args } = tool
  const env = cleanEnvironment()
  // One that is not there fails as `spawn` reports it.
  const found = findProgram(command, env['PATH'] ?? '') !== undefined
  const run = { program: command, args }
  const { program, args: all } = found ? withoutNewPrivileges(run) : run
  let child: Child
  try {
    // In its own session: Stasis handles Ctrl-C itself.
    child = spawn(program, all, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env })
  } catch (cause) {
    throw startFailure(tool, cause as NodeJS.ErrnoException)
  }
  const ended = endOf(tool, child)
  ended.catch(() => undefined)
  // Without descriptors Node makes no pipes; the error follows.
  if ((child.stdin as Writable | undefined) === undefined) await ended
  return { child, ended }
}

function startFailure({ command, package: name }: FilterTool, cause: NodeJS.ErrnoException): Error {
  const operation = `run ${command}`
  if (cause.code !== 'ENOENT') return storageError(operation, command, cause)
  return new ImageError('IMAGE_UNSUPPORTED', `The program ${command} is not installed`, {
    operation,
    hint: `Install it (Debian: apt install ${name}), or use another format`,
    cause,
  })
}

function endOf(tool: FilterTool, child: Child): Promise<void> {
  const { command } = tool
  let complaint = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('error', (cause: NodeJS.ErrnoException) => reject(startFailure(tool, cause)))
  const stderr = child.stderr as Readable | undefined
  stderr?.on('data', (text: Buffer) => {
    if (complaint.length < MAX_COMPLAINT) complaint += text.toString()
  })
  child.once('close', (code, signal) => {
    if (code === 0) return resolve()
    const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `failed (${code})`
    reject(new FilterError(complaint.trim() === '' ? `${command} ${how}` : complaint.trim()))
  })
  return promise
}

/** Writes all of the input; a program that stops reading reports the reason itself. */
async function feed(stdin: Writable, input: AsyncIterable<Uint8Array>): Promise<void> {
  let closed = false
  stdin.on('error', () => {
    closed = true
  })
  for await (const piece of input) {
    if (closed) return
    await new Promise<void>((resolve) => {
      stdin.once('close', resolve)
      stdin.write(piece, () => {
        stdin.off('close', resolve)
        resolve()
      })
    })
    closed ||= stdin.destroyed
  }
  stdin.end()
}
