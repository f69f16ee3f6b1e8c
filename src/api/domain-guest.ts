import {
  type AddressOptions,
  type GuestInterface,
  guestAddresses,
} from '../domain/guest/addresses.ts'
import {
  type AgentCommand,
  type AgentOptions,
  agentCommand,
} from '../domain/guest/agent-command.ts'
import { guestHostName } from '../domain/guest/host-name.ts'
import { guestTime, setGuestTime } from '../domain/guest/time.ts'
import { type SuspendTarget, suspendGuest } from '../domain/guest/suspend.ts'
import type { Directories } from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import type { HandleOptions } from './handle-options.ts'

/**
 * The agent inside a running guest (qemu-guest-agent): `Domain.guest`. Every method throws `DomainError` DOMAIN_NOT_RUNNING, or DOMAIN_WRONG_STATE if the domain
 * has no channel for an agent, and `QemuError` QEMU_TIMEOUT if no agent answers.
 * @example
 * console.log(await web.guest.hostName(), await web.guest.addresses())
 */
export class DomainGuest {
  readonly #name: string
  readonly #directories: Directories

  /** @internal */
  constructor(name: string, directories: Directories) {
    this.#name = name
    this.#directories = directories
  }

  /**
   * Its clock (`domtime`).
   * @example
   * const late = Date.now() - (await web.guest.time()).getTime()
   */
  time(options: HandleOptions<AgentOptions> = {}): Promise<Date> {
    return guestTime(this.#name, this.#bound(options))
  }

  /**
   * Sets its clock to a time, or, without one, to the time of its hardware clock.
   * @example
   * await web.guest.setTime(new Date())
   */
  setTime(time?: Date, options: HandleOptions<AgentOptions> = {}): Promise<void> {
    return setGuestTime(this.#name, time, this.#bound(options))
  }

  /**
   * Its own name (`domhostname`).
   * @example
   * console.log(await web.guest.hostName())
   */
  hostName(options: HandleOptions<AgentOptions> = {}): Promise<string> {
    return guestHostName(this.#name, this.#bound(options))
  }

  /**
   * Its network cards and their addresses (`domifaddr`).
   * @example
   * const [card] = await web.guest.addresses()
   */
  addresses(options: HandleOptions<AddressOptions> = {}): Promise<readonly GuestInterface[]> {
    return guestAddresses(this.#name, this.#bound(options))
  }

  /**
   * Sends any command to the agent (`qemu-agent-command`).
   * @throws QemuError QEMU_REFUSED
   * @example
   * const info = await web.guest.command({ execute: 'guest-info' })
   */
  command(command: AgentCommand, options: HandleOptions<AgentOptions> = {}): Promise<unknown> {
    return agentCommand(this.#name, command, this.#bound(options))
  }

  /**
   * Makes the guest suspend itself (`dompmsuspend`), and waits until it is suspended.
   * @throws QemuError QEMU_REFUSED if it cannot
   * @example
   * await web.guest.suspend('mem')
   */
  async suspend(target: SuspendTarget, options: HandleOptions<DomainOptions> = {}): Promise<void> {
    await suspendGuest(this.#name, target, this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}
