import { QemuError } from '../errors.ts'

/** QEMU answered a command with an error (code `QEMU_REFUSED`); keeps QEMU's error class and message. */
export class QmpRefusal extends QemuError {
  /** The command that was refused. */
  readonly command: string
  /** QMP's class: `GenericError`, `CommandNotFound`, `DeviceNotFound` … (QEMU qapi/error.json). */
  readonly errorClass: string
  /** QEMU's own message. */
  readonly description: string

  constructor(command: string, errorClass: string, description: string) {
    super('QEMU_REFUSED', `QEMU refused ${command}: ${description}`, { operation: command })
    this.command = command
    this.errorClass = errorClass
    this.description = description
  }
}

/** Gives an error that is created late the stack of the call that it belongs to. */
export function withCallSite<E extends Error>(error: E, site: { stack?: string }): E {
  const frames = site.stack?.replace(/^[^\n]*\n?/, '') ?? ''
  error.stack = `${error.name}: ${error.message}\n${frames}`
  return error
}
