import {
  CancelledError,
  DomainError,
  DomainXmlError,
  StasisError,
  StorageError,
  type XmlProblem,
  printable,
  messageOf,
} from '../../errors.ts'
import { WireError } from '../../wire/wire-error.ts'
import { exitCodeOf } from './exit-code.ts'

/** A failure as `--json` shows it (docs/cli-json.md). */
export interface ErrorObject {
  readonly type: 'error'
  readonly code: string
  readonly message: string
  readonly exitCode: number
  readonly operation?: string
  readonly path?: string
  readonly offset?: number
  readonly hint?: string
  /** The host that has the domain, its id, and the generation in which it took the domain. */
  readonly host?: string
  readonly hostId?: string
  readonly generation?: number
  readonly neededBytes?: number
  readonly freeBytes?: number
  readonly problems?: readonly XmlProblem[]
  readonly causes: readonly string[]
}

/** A failure for a person: message, causes, hint; a stack trace only with `debug`. */
export function errorText(error: unknown, options: { readonly debug: boolean }): string {
  const shown = chain(error)
  const lines = [
    ...shown.flatMap((link, index) => [
      `${index === 0 ? 'error' : '  because'}: ${textOf(link)}`,
      ...problemLines(link),
      ...(shown.slice(index + 1).some((cause) => isSamePlace(link, cause)) ? [] : placeOf(link)),
    ]),
    ...hints(error).map((hint) => `hint: ${hint}`),
  ]
  if (options.debug) lines.push(...links(error).flatMap(stackOf))
  return lines.join('\n')
}

/** A failure for a program. */
export function errorObject(error: unknown): ErrorObject {
  const [first, ...causes] = chain(error)
  const facts = first instanceof StasisError ? first : undefined
  const [hint] = hints(error)
  const problems = links(error).flatMap(problemsOf)
  return {
    type: 'error',
    code: facts?.code ?? 'INTERNAL',
    message: textOf(first),
    exitCode: exitCodeOf(error),
    ...(facts?.operation !== undefined && { operation: facts.operation }),
    ...(facts?.path !== undefined && { path: facts.path }),
    ...(facts?.offset !== undefined && { offset: facts.offset }),
    ...(hint !== undefined && { hint }),
    ...(first instanceof DomainError && ownerOf(first)),
    ...(first instanceof StorageError && first.space),
    ...(problems.length > 0 && { problems }),
    causes: causes.map(textOf),
  }
}

/** The host that has the domain of an error. */
function ownerOf({
  host,
  hostId,
  generation,
}: DomainError): Pick<ErrorObject, 'host' | 'hostId' | 'generation'> {
  return {
    ...(host !== undefined && { host }),
    ...(hostId !== undefined && { hostId }),
    ...(generation !== undefined && { generation }),
  }
}

/** An entry of a list as `--json` shows it, with the reason for which it could not be read whole. */
export function withFaultObject(entry: {
  readonly fault?: StasisError | undefined
}): Readonly<Record<string, unknown>> {
  const { fault, ...facts } = entry
  return fault === undefined ? facts : { ...facts, fault: errorObject(fault) }
}

/** The parts of a domain XML that are not supported. */
function problemsOf(error: unknown): readonly XmlProblem[] {
  return error instanceof DomainXmlError ? error.problems : []
}

/** One line each; a single problem is the message itself. */
function problemLines(error: unknown): readonly string[] {
  const problems = problemsOf(error)
  if (problems.length < 2) return []
  return problems.map(({ message, hint }) => `  ${message}${hint === undefined ? '' : `. ${hint}`}`)
}

const REPORT_HINT =
  'This is a bug in Stasis: please report it. STASIS_DEBUG=1 shows where it happened'

/** An error and those of its causes that add something new. */
function chain(error: unknown): readonly unknown[] {
  const all = links(error)
  return all.filter((link, index) => {
    const above = all[index - 1]
    return index === 0 || (textOf(link) !== textOf(above) && !isToldBy(above, link))
  })
}

/** The error above one of Node, of the XML parser or of a stream parser describes the same fault in our own words. */
function isToldBy(above: unknown, cause: unknown): boolean {
  if (cause instanceof StasisError) return false
  return (
    cause instanceof WireError ||
    above instanceof DomainXmlError ||
    above instanceof CancelledError ||
    (above instanceof StorageError && above.code !== 'IO_ERROR')
  )
}

function links(error: unknown): readonly unknown[] {
  const found: unknown[] = []
  let link: unknown = error
  while (link !== undefined && link !== null && found.length < 10 && !found.includes(link)) {
    found.push(link)
    link = link instanceof Error ? link.cause : undefined
  }
  return found
}

/** File and offset, where the message does not name them. */
function placeOf(error: unknown): readonly string[] {
  if (!(error instanceof StasisError) || error.path === undefined) return []
  const { path, offset, message } = error
  if (message.includes(printable(path)) && offset === undefined) return []
  return [`  at: ${printable(path)}${offset === undefined ? '' : `, offset ${offset}`}`]
}

/** An error that was rewrapped has the place of its cause. */
function isSamePlace(error: unknown, cause: unknown): boolean {
  if (!(error instanceof StasisError && cause instanceof StasisError)) return false
  return error.path === cause.path && error.offset === cause.offset
}

function hints(error: unknown): readonly string[] {
  const given = links(error).flatMap((link) =>
    link instanceof StasisError && link.hint !== undefined ? [link.hint] : [],
  )
  if (given.length === 0 && exitCodeOf(error) === 70) return [REPORT_HINT]
  return [...new Set(given)]
}

function textOf(error: unknown): string {
  const message = messageOf(error)
  // The messages of our own errors are printable already, and those with a list have several lines.
  if (error instanceof StasisError) return message
  const named =
    error instanceof Error && error.name !== 'Error' ? `${error.name}: ${message}` : message
  return printable(named)
}

function stackOf(error: unknown): readonly string[] {
  return error instanceof Error && error.stack !== undefined ? ['', error.stack] : []
}
