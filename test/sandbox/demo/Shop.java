import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** A shop to be profiled: two tills that price carts, which costs time and memory, and want one ledger. */
public final class Shop {
    private static final class Ledger {
        private double takings;
    }

    private static final Ledger LEDGER = new Ledger();

    public static void main(String[] args) {
        for (String name : List.of("till-1", "till-2")) new Thread(Shop::sell, name).start();
        System.out.println("The shop is open");
    }

    private static void sell() {
        while (true) {
            double sum = priceOf(fillCart());
            synchronized (LEDGER) {
                LEDGER.takings += sum;
                LockSupport.parkNanos(15_000_000);
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static List<String> fillCart() {
        List<String> cart = new ArrayList<>();
        for (int item = 0; item < 20_000; item++) cart.add("item " + item);
        return cart;
    }

    private static double priceOf(List<String> cart) {
        double sum = 0;
        for (String item : cart) sum += discount(item.length());
        return sum;
    }

    private static double discount(int length) {
        double price = length;
        for (int step = 1; step < 40; step++) price += Math.sqrt(price * step) / step;
        return price;
    }
}
