// A shop to be profiled: every few milliseconds it prices a cart, which costs time and memory.
let takings = 0;

function fillCart() {
  return Array.from({ length: 2000 }, (_, item) => `item ${item}`);
}

function discount(sum, item) {
  let price = item.length;
  for (let step = 1; step < 400; step++) price += Math.sqrt(price * step) / step;
  return sum + price;
}

// A callback stays a function of its own: V8 does not tell what an optimized function has taken in before a profile began.
const priceOf = (cart) => cart.reduce(discount, 0);

setInterval(() => {
  takings = (takings + priceOf(fillCart())) % 1e9;
}, 20);
process.stdout.write('The shop is open\n');
