/**
 * The error tree. Branches differ in the caller's possible reactions:
 *
 *   StasisError            any error of the public API; has a stable `code`
 *   ├─ UsageError          the request itself is wrong: correct it and try again
 *   ├─ DomainError         the domain is missing, present, busy or in the wrong state
 *   ├─ DomainXmlError      the domain XML is malformed or needs something unsupported
 *   ├─ ImageError          the file is not a save image, or incomplete, damaged or too new
 *   ├─ QemuError           QEMU is missing, lacks something, refused or died
 *   ├─ StorageError        the disk: no space, no permission, I/O error
 *   ├─ CancelledError      the caller's own signal ended the operation
 *   └─ InternalError       a fault of ours: report it
 *
 * A message names the attempt and the finding; it does not repeat its cause. The command line prints the chain. Texts of
 * images, peers and files may be part of it: a message is one line, its control characters are escaped, and it has at most 4000 characters.
 */

/** The space on a file system, for an image. */
export interface Space {
  /** The most that the image takes. */
  readonly neededBytes: number
  readonly freeBytes: number
}

/** The facts of every error of this library, beside its message. */
export interface ErrorFacts {
  /** The attempt, in the infinitive: `save domain "web"`. */
  readonly operation?: string | undefined
  /** The file or socket it was attempted on. */
  readonly path?: string | undefined
  /** The byte offset of the fault in `path`. */
  readonly offset?: number | undefined
  /** A remedy that a person can apply. */
  readonly hint?: string | undefined
  /** The space that was needed, and the space that was free, for `NO_SPACE`. */
  readonly space?: Space | undefined
  /** The host that has the domain, for `DOMAIN_ELSEWHERE`: its name, its id, and the generation in which it took the domain. */
  readonly host?: string | undefined
  readonly hostId?: string | undefined
  readonly generation?: number | undefined
  /** Further lines of the message, below it. */
  readonly list?: readonly string[] | undefined
  readonly cause?: unknown
}

/** The longest line of a message, in UTF-16 units. */
const MAX_LINE = 4000

/** Control characters, line separators, and characters that change the direction of a text. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A text of a file or a peer as part of a message: one line that a terminal does not obey, without its middle if it is very long. */
export function printable(text: string): string {
  const short =
    text.length > MAX_LINE
      ? `${text.slice(0, MAX_LINE - 1000)} … ${text.slice(text.length - 900)}`
      : text
  const escaped = short.replace(
    UNPRINTABLE,
    (one) => ESCAPES[one] ?? `\\u{${one.codePointAt(0)?.toString(16)}}`,
  )
  return escaped.length > MAX_LINE ? `${escaped.slice(0, MAX_LINE - 2)} …` : escaped
}

/** Some lines, such as the last ones of a log, as part of a message. */
export function inOneLine(lines: string): string {
  return lines.split('\n').join('; ')
}

/** The changes of `StasisError.with`. A fact with the value `undefined` is dropped. */
export interface ErrorChanges extends Omit<ErrorFacts, 'list'> {
  readonly message?: string
}

/** In the global registry, so that `StasisError.is` recognises an error of another copy of this package. */
const BRAND: unique symbol = Symbol.for('stasis.StasisError')

/** Base of all errors that leave this library. Match on `code`, which is stable, not on the text. */
export abstract class StasisError extends Error {
  readonly code: StasisErrorCode
  readonly operation: string | undefined
  readonly path: string | undefined
  readonly offset: number | undefined
  readonly hint: string | undefined

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }

  constructor(code: StasisErrorCode, message: string, facts: ErrorFacts = {}) {
    const text = [printable(message), ...(facts.list ?? []).map((line) => `  ${printable(line)}`)]
    super(text.join('\n'), facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.name
    this.code = code
    this.operation = facts.operation
    this.path = facts.path
    this.offset = facts.offset
    this.hint = facts.hint === undefined ? undefined : printable(facts.hint)
  }

  /**
   * Whether `error` comes from this library, with this code if one is given. Unlike `instanceof` it works when two copies of the
   * package are loaded.
   * @example if (StasisError.is(error, 'NO_SPACE')) console.error(error.hint)
   */
  static is(error: unknown): error is AnyStasisError
  static is<Code extends StasisErrorCode>(
    error: unknown,
    code: Code,
  ): error is StasisErrorWithCode<Code>
  static is(error: unknown, code?: StasisErrorCode): boolean {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
    return code === undefined || ('code' in error && error.code === code)
  }

  /** A copy with other text or facts: its class, its code and every other fact stay. To put it above this error, pass this error as `cause`. */
  with(changes: ErrorChanges): this {
    const { message = this.message, cause, ...facts } = { cause: this.cause, ...changes }
    // `Object.create` would make an object that Node does not treat as an error.
    // It may contain the message of an error with a list.
    const text = message.split('\n').map(printable).join('\n')
    const copy = new Error(text, cause === undefined ? undefined : { cause })
    Object.setPrototypeOf(copy, Object.getPrototypeOf(this) as object)
    Object.assign(copy, this, facts)
    Error.captureStackTrace(copy)
    return copy as this
  }
}

/**
 * - `BAD_ARGUMENT`: a value is not possible.
 * - `BAD_COMBINATION`: two values do not go together.
 * - `PATH_TOO_LONG`: a unix socket there would have a path of more than 107 bytes.
 * - `BAD_CONFIGURATION`: a configuration file, or a variable that sets the same, is wrong; the message has file and line.
 */
export type UsageErrorCode =
  | 'BAD_ARGUMENT'
  | 'BAD_COMBINATION'
  | 'PATH_TOO_LONG'
  | 'BAD_CONFIGURATION'

/** The request itself is wrong. */
export class UsageError extends StasisError {
  declare readonly code: UsageErrorCode
  constructor(code: UsageErrorCode, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
  }
}

/**
 * - `DOMAIN_NOT_FOUND`: there is no such domain, or it is not defined.
 * - `DOMAIN_EXISTS`: another domain has the name or the UUID.
 * - `DOMAIN_RUNNING`: it must not run for this.
 * - `DOMAIN_NOT_RUNNING`: it must run for this.
 * - `DOMAIN_WRONG_STATE`: it is in a state in which this is not possible.
 * - `DOMAIN_MEMORY_LOST`: the image that still has some of its memory is gone.
 * - `DOMAIN_BUSY`: another process is working on it, or holds its monitor.
 * - `DOMAIN_ELSEWHERE`: another host runs it or is changing it; `host`, `hostId` and `generation` say which, and since when.
 * - `DOMAIN_HAS_MANAGED_SAVE`: its managed save would be lost or would no longer fit.
 * - `DOMAIN_HAS_CHECKPOINTS`: its checkpoints would be lost or would no longer fit.
 * - `DOMAIN_DISK_KEPT`: a checkpoint keeps a disk that the guest would write to.
 * - `CHECKPOINT_NOT_FOUND`: the domain has no such checkpoint.
 * - `CHECKPOINT_EXISTS`: the domain has a checkpoint of this name, or a file of it is there.
 * - `DISK_IN_USE`: another machine, perhaps on another host, has one of its disks open.
 * - `DOMAIN_NO_EVENT`: no event came in time.
 * - `HOOK_REFUSED`: a hook that the administrator has set up does not permit this now.
 * - `GUEST_COMMAND_FAILED`: a command of the configuration failed in the guest.
 */
export type DomainErrorCode =
  | 'DOMAIN_NOT_FOUND'
  | 'DOMAIN_EXISTS'
  | 'DOMAIN_RUNNING'
  | 'DOMAIN_NOT_RUNNING'
  | 'DOMAIN_WRONG_STATE'
  | 'DOMAIN_MEMORY_LOST'
  | 'DOMAIN_BUSY'
  | 'DOMAIN_ELSEWHERE'
  | 'DOMAIN_HAS_MANAGED_SAVE'
  | 'DOMAIN_HAS_CHECKPOINTS'
  | 'DOMAIN_DISK_KEPT'
  | 'CHECKPOINT_NOT_FOUND'
  | 'CHECKPOINT_EXISTS'
  | 'DISK_IN_USE'
  | 'DOMAIN_NO_EVENT'
  | 'HOOK_REFUSED'
  | 'GUEST_COMMAND_FAILED'

/** The domain is missing, present, busy or in the wrong state. */
export class DomainError extends StasisError {
  declare readonly code: DomainErrorCode
  /** The name of the host that has the domain, for `DOMAIN_ELSEWHERE`. */
  declare readonly host?: string
  /** The id of that host. */
  declare readonly hostId?: string
  /** The generation in which that host took the domain. */
  declare readonly generation?: number

  constructor(code: DomainErrorCode, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
    if (facts?.host !== undefined) this.host = facts.host
    if (facts?.hostId !== undefined) this.hostId = facts.hostId
    if (facts?.generation !== undefined) this.generation = facts.generation
  }
}

/**
 * - `XML_MALFORMED`: it is not XML; the message has line and column.
 * - `XML_INVALID`: it is not a domain, or contradicts itself.
 * - `XML_UNSUPPORTED`: it needs something that Stasis does not support.
 */
export type DomainXmlErrorCode = 'XML_MALFORMED' | 'XML_INVALID' | 'XML_UNSUPPORTED'

/**
 * - `UNKNOWN_ELEMENT`, `UNKNOWN_ATTRIBUTE`: Stasis does not know it.
 * - `UNSUPPORTED_VALUE`: Stasis knows the attribute, but not with this value.
 * - `UNSUPPORTED_PART`: Stasis knows it and does not support it.
 * - `NETWORK_MISSING`: this host does not have the network of a card.
 */
export type XmlProblemCode =
  | 'UNKNOWN_ELEMENT'
  | 'UNKNOWN_ATTRIBUTE'
  | 'UNSUPPORTED_VALUE'
  | 'UNSUPPORTED_PART'
  | 'NETWORK_MISSING'

/** One part of a domain XML that is not supported. */
export interface XmlProblem {
  readonly code: XmlProblemCode
  /** Its place: `/domain/devices/interface[2]/@type`. */
  readonly place: string
  /** Its line in the file, from 1; `undefined` in an XML that was not read from a text. */
  readonly line: number | undefined
  /** The unsupported part and the reason, as one sentence. */
  readonly message: string
  /** A remedy that a person can apply. */
  readonly hint: string | undefined
  /** Whether only the host's side is not supported, so that `ignoreUnsupported` can leave it out and the guest sees the same machine. */
  readonly hostSideOnly: boolean
}

/** The domain XML is malformed, impossible or not supported. */
export class DomainXmlError extends StasisError {
  declare readonly code: DomainXmlErrorCode
  /** Every part that is not supported, in the order of the XML; empty for other errors. */
  readonly problems: readonly XmlProblem[]

  constructor(
    code: DomainXmlErrorCode,
    message: string,
    facts?: ErrorFacts & { readonly problems?: readonly XmlProblem[] },
  ) {
    super(code, message, facts)
    this.problems = facts?.problems ?? []
  }
}

/**
 * - `NOT_AN_IMAGE`: the file is not a save image.
 * - `IMAGE_INCOMPLETE`: the save that wrote it did not finish.
 * - `IMAGE_TRUNCATED`: its end is missing.
 * - `IMAGE_CORRUPT`: its contents are damaged; `offset` says where.
 * - `IMAGE_DAMAGED`: a search for damage found some, and listed it.
 * - `IMAGE_TOO_NEW`: a later version of Stasis or libvirt wrote it.
 * - `IMAGE_UNSUPPORTED`: its format or compression is not supported here.
 * - `IMAGE_BASE_MISSING`: it has only the pages that differ from another image, which is missing or is not the same any more.
 * - `IMAGE_CHANNEL_MISSING`: a file of its channels is missing.
 * - `IMAGE_CHANNEL_FOREIGN`: a file of its channels belongs to another image.
 * - `IMAGE_IN_USE`: a guest or a process uses it.
 * - `IMAGE_INCOMPATIBLE`: its machine does not fit the host, QEMU or the given XML.
 * - `IMAGE_UNTRUSTED`: this host did not save it, and it asks for files, programs or addresses of the host without permission.
 * - `IMAGE_STALE`: the guest was resumed from it before, or without it, and has written to its disks since.
 */
export type ImageErrorCode =
  | 'NOT_AN_IMAGE'
  | 'IMAGE_INCOMPLETE'
  | 'IMAGE_TRUNCATED'
  | 'IMAGE_CORRUPT'
  | 'IMAGE_DAMAGED'
  | 'IMAGE_TOO_NEW'
  | 'IMAGE_UNSUPPORTED'
  | 'IMAGE_BASE_MISSING'
  | 'IMAGE_CHANNEL_MISSING'
  | 'IMAGE_CHANNEL_FOREIGN'
  | 'IMAGE_IN_USE'
  | 'IMAGE_INCOMPATIBLE'
  | 'IMAGE_UNTRUSTED'
  | 'IMAGE_STALE'

/** The file is not a save image, or incomplete, damaged, too new, or does not fit. */
export class ImageError extends StasisError {
  declare readonly code: ImageErrorCode
  constructor(code: ImageErrorCode, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
  }
}

/**
 * - `QEMU_NOT_FOUND`: there is no QEMU for this machine.
 * - `QEMU_UNTRUSTED`: it is not a QEMU of the distribution, and was not allowed.
 * - `QEMU_START_FAILED`: it ended at its start.
 * - `QEMU_DIED`: it ended, or closed its monitor.
 * - `QEMU_BUSY`: its monitor does not answer, for example because another client uses it.
 * - `QEMU_REFUSED`: it refused a command.
 * - `QEMU_LACKS_FEATURE`: this QEMU, or this host, lacks a feature.
 * - `QEMU_TIMEOUT`: it did not answer in time.
 * - `QEMU_STREAM`: it violated one of its protocols.
 * - `MIGRATION_FAILED`: it could not send or load the state of the machine.
 */
export type QemuErrorCode =
  | 'QEMU_NOT_FOUND'
  | 'QEMU_UNTRUSTED'
  | 'QEMU_START_FAILED'
  | 'QEMU_DIED'
  | 'QEMU_BUSY'
  | 'QEMU_REFUSED'
  | 'QEMU_LACKS_FEATURE'
  | 'QEMU_TIMEOUT'
  | 'QEMU_STREAM'
  | 'MIGRATION_FAILED'

/** QEMU is missing, lacks a feature, refused a command, violated a protocol or died. */
export class QemuError extends StasisError {
  declare readonly code: QemuErrorCode
  constructor(code: QemuErrorCode, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
  }
}

/**
 * - `FILE_NOT_FOUND`, `FILE_EXISTS`, `NO_PERMISSION`: as they say; `path` is the file.
 * - `NO_SPACE`: the file system, or the quota, is full.
 * - `IO_ERROR`: any other fault of the file system or the disk.
 * - `STATE_UNREADABLE`: a file in the state or runtime directory cannot be understood.
 * - `STATE_TOO_NEW`: a later version of Stasis wrote it.
 * - `UNSAFE_DIRECTORY`: another user could have put files into the state or runtime directory.
 * - `UNSAFE_FILE`: another user could have written a file that Stasis obeys, such as a configuration.
 * - `STATE_OF_ANOTHER_HOST`: the state directory belongs to another host.
 * - `STATE_MISSING`: the shared state directory, or the directory of its managed saves, is not there, for example because its storage is not mounted.
 * - `RUNTIME_NOT_LOCAL`: other hosts may use the runtime directory of a shared state directory.
 */
export type StorageErrorCode =
  | 'FILE_NOT_FOUND'
  | 'FILE_EXISTS'
  | 'NO_SPACE'
  | 'NO_PERMISSION'
  | 'IO_ERROR'
  | 'STATE_UNREADABLE'
  | 'STATE_TOO_NEW'
  | 'UNSAFE_DIRECTORY'
  | 'UNSAFE_FILE'
  | 'STATE_OF_ANOTHER_HOST'
  | 'STATE_MISSING'
  | 'RUNTIME_NOT_LOCAL'

/** The disk has no room, gives no permission or fails. */
export class StorageError extends StasisError {
  declare readonly code: StorageErrorCode
  /** The space that was needed, and the space that was free, if that is known, for `NO_SPACE`. */
  declare readonly space?: Space

  constructor(code: StorageErrorCode, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
    if (facts?.space !== undefined) this.space = facts.space
  }
}

/** The caller's own `signal` ended the act; `cause` is the signal's reason. */
export class CancelledError extends StasisError {
  declare readonly code: 'CANCELLED'
  /** The outcome of the operation: `the guest is still running`. `undefined` when nothing has changed. */
  readonly outcome: string | undefined

  constructor(operation: string, reason?: unknown, outcome?: string) {
    const left = outcome === undefined ? '' : `; ${outcome}`
    super('CANCELLED', `Cancelled: ${operation}${left}`, { operation, cause: firstReason(reason) })
    this.outcome = outcome
  }
}

/** The reason that the caller gave, where a step that was cancelled first passes its own error on, or Node an `AbortError` about it. */
function firstReason(reason: unknown): unknown {
  if (StasisError.is(reason, 'CANCELLED')) return reason.cause
  const { code, cause } = (reason ?? {}) as { readonly code?: unknown; readonly cause?: unknown }
  return code === 'ABORT_ERR' && cause !== undefined ? firstReason(cause) : reason
}

/** The program is in a state that the code rules out: a fault of ours. */
export class InternalError extends StasisError {
  declare readonly code: 'INTERNAL'
  constructor(message: string, facts?: ErrorFacts) {
    super('INTERNAL', message, facts)
  }
}

/** Any error of this library; its `code` says which. */
export type AnyStasisError =
  | UsageError
  | DomainError
  | DomainXmlError
  | ImageError
  | QemuError
  | StorageError
  | CancelledError
  | InternalError

/** Every code that an error of this library can have. */
export type StasisErrorCode =
  | UsageErrorCode
  | DomainErrorCode
  | DomainXmlErrorCode
  | ImageErrorCode
  | QemuErrorCode
  | StorageErrorCode
  | 'CANCELLED'
  | 'INTERNAL'

/** The class of the errors that have `Code`, with this code. */
export type StasisErrorWithCode<Code extends StasisErrorCode> = NarrowedTo<AnyStasisError, Code>

type NarrowedTo<Kind extends AnyStasisError, Code extends StasisErrorCode> = Kind extends unknown
  ? [Extract<Code, Kind['code']>] extends [never]
    ? never
    : Kind & { readonly code: Extract<Code, Kind['code']> }
  : never

/**
 * Why something cannot be done in one way, for a caller that may try another: `code` is the code that an error would have; `reason` is for people and
 * completes a sentence.
 */
export interface Refusal<Code extends StasisErrorCode = StasisErrorCode> {
  readonly code: Code
  readonly reason: string
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Throws `CancelledError` when `signal` is aborted. */
export function throwIfCancelled(operation: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CancelledError(operation, signal.reason)
}
