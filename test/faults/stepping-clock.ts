/** Loaded into the operator before it starts: its wall clock jumps by up to a day, back and forth, twice a second. */
const RealDate = Date;
const day = 86_400_000;
let offset = 0;
setInterval(() => {
  offset = Math.round((Math.random() * 2 - 1) * day);
}, 500).unref();

class SteppingDate extends RealDate {
  constructor(...values: [] | [number | string | Date]) {
    if (values.length === 0) super(SteppingDate.now());
    else super(...values);
  }
  static override now(): number {
    return RealDate.now() + offset;
  }
}
globalThis.Date = SteppingDate as DateConstructor;
