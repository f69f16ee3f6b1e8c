import {
  type MonitorCommand,
  type MonitorReply,
  monitorCommand,
} from '../domain/devices/monitor-command.ts'
import { type ChangeMediaOptions, changeMedia } from '../domain/devices/change-media.ts'
import {
  type Screenshot,
  type ScreenshotOptions,
  screenshot,
} from '../domain/devices/screenshot.ts'
import { type SendKeysOptions, injectNmi, sendKeys } from '../domain/devices/send-keys.ts'
import type { FilePath } from '../io/files/given-path.ts'
import type { Directories } from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import type { HandleOptions } from './handle-options.ts'

/**
 * The machine of a running domain: `Domain.machine`. Every method throws `DomainError` DOMAIN_NOT_RUNNING, and DOMAIN_BUSY if its QEMU does not answer.
 * @example
 * const reply = await web.machine.command({ execute: 'query-status' })
 */
export class DomainMachine {
  readonly #name: string
  readonly #directories: Directories

  /** @internal */
  constructor(name: string, directories: Directories) {
    this.#name = name
    this.#directories = directories
  }

  /**
   * Sends any command to QEMU's monitor (`qemu-monitor-command`). A refusal is a reply, not an error.
   * @example
   * const reply = await web.machine.command({ execute: 'query-status' })
   * if ('return' in reply) console.log(reply.return)
   */
  command(
    command: MonitorCommand,
    options: HandleOptions<DomainOptions> = {},
  ): Promise<MonitorReply> {
    return monitorCommand(this.#name, command, this.#bound(options))
  }

  /**
   * Ejects, inserts or replaces the medium of a CD-ROM or floppy drive (`change-media`).
   * @throws DomainError DOMAIN_WRONG_STATE if the domain has no such drive, if `eject` finds an empty drive, or if `insert` finds a drive with a medium
   * @example
   * await web.machine.changeMedia('sda', { action: 'eject' })
   */
  async changeMedia(
    device: string,
    options: HandleOptions<ChangeMediaOptions> = {},
  ): Promise<void> {
    await changeMedia(this.#name, device, this.#bound(options))
  }

  /**
   * Takes a picture of its screen (`screenshot`), and writes it to a file if a path is given.
   * @example
   * const { format, bytes } = await web.machine.screenshot()
   */
  screenshot(path?: FilePath, options: HandleOptions<ScreenshotOptions> = {}): Promise<Screenshot> {
    return screenshot(this.#name, path, this.#bound(options))
  }

  /**
   * Presses keys of its keyboard, all of them together (`send-key`).
   * @throws UsageError BAD_ARGUMENT for an unknown key
   * @example
   * await web.machine.sendKeys(['KEY_LEFTCTRL', 'KEY_LEFTALT', 'KEY_DELETE'])
   */
  async sendKeys(
    keys: readonly (string | number)[],
    options: HandleOptions<SendKeysOptions> = {},
  ): Promise<void> {
    await sendKeys(this.#name, keys, this.#bound(options))
  }

  /**
   * Sends a non-maskable interrupt to the guest (`inject-nmi`).
   * @example
   * await web.machine.injectNmi()
   */
  async injectNmi(options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await injectNmi(this.#name, this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}
