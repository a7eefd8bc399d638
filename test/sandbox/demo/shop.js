// A shop to be profiled: every few milliseconds it prices a cart, which costs time and memory.
let takings = 0;

function fillCart() {
  return Array.from({ length: 2000 }, (_, item) => `item ${item}`);
}

function discount(length) {
  let price = length;
  for (let step = 1; step < 400; step++) price += Math.sqrt(price * step) / step;
  return price;
}

function priceOf(cart) {
  return cart.reduce((sum, item) => sum + discount(item.length), 0);
}

setInterval(() => {
  takings = (takings + priceOf(fillCart())) % 1e9;
}, 20);
process.stdout.write('The shop is open\n');
