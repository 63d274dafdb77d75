/** A failure that is told as it is: what went wrong, and what to do. `passing`: the same may succeed a little later. */
export class Failure extends Error {
  readonly passing: boolean;

  constructor(message: string, { cause, passing = false }: { cause?: unknown; passing?: boolean } = {}) {
    super(message, { cause });
    this.name = 'Failure';
    this.passing = passing;
  }
}
